"""TopoLoss: values by hand, gradients, patches, degenerate masks, precision, and what descent on it does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from oracles.descent import betti_numbers_2d, descend
from segtopo.errors import InputError
from segtopo.losses import TopoLoss

BARS = [[0.9, 0.2, 0.8, 0.1]]
RING = [[0.9, 0.9, 0.9, 0.9], [0.9, 0.1, 0.2, 0.6], [0.9, 0.9, 0.9, 0.9]]
RING_MASK = [[1, 1, 1, 1], [1, 0, 0, 1], [1, 1, 1, 1]]
CONSTANT = [[0.5] * 4] * 3
EMPTY = [[0.0] * 4] * 3


def image(values: Any, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.tensor(values, dtype=dtype)[None, None]


def shell(surface: float, inside: float) -> torch.Tensor:
    volume = torch.full((1, 1, 3, 3, 4), surface, dtype=torch.float64)
    volume[..., 1, 1, 1:3] = inside
    return volume


BY_HAND = [
    # components (0.9, 0) and (0.8, 0.2)
    ("both found", BARS, [[1, 0, 1, 0]], {}, 0.1**2 + 0.2**2 + 0.2**2),
    ("to be merged", BARS, [[1, 1, 1, 0]], {}, 0.1**2 + 0.6**2 / 2),
    ("to be erased", BARS, [[0, 0, 0, 0]], {}, 0.9**2 + 0.6**2 / 2),
    # component (0.9, 0) and loop (0.6, 0.1)
    ("loop found", RING, RING_MASK, {}, 0.1**2 + 0.4**2 + 0.1**2),
    ("loop unwanted", RING, [[1, 1, 1, 1]] * 3, {}, 0.1**2 + 0.5**2 / 2),
    ("only loops", RING, RING_MASK, {"dimensions": [1]}, 0.4**2 + 0.1**2),
    ("weighted", RING, RING_MASK, {"dimension_weights": [2, 10]}, 2 * 0.1**2 + 10 * (0.4**2 + 0.1**2)),
    ("weights in the order of dimensions", RING, RING_MASK, {"dimensions": [1, 0], "dimension_weights": [1, 0]}, 0.17),
    ("short bars left alone", RING, [[1, 1, 1, 1]] * 3, {"min_persistence": 0.51}, 0.1**2),
    ("short bars matched all the same", RING, RING_MASK, {"min_persistence": 0.51}, 0.1**2 + 0.4**2 + 0.1**2),
    ("loop missing", CONSTANT, RING_MASK, {}, 0.5**2 + 1 / 2),
    ("one component against an empty prediction", EMPTY, [[0, 1, 1, 0]] * 3, {}, 1.0),
    ("two components against an empty prediction", EMPTY, [[1, 0, 0, 1]] * 3, {}, 1.0 + 1 / 2),
    ("full against empty", EMPTY, [[1, 1, 1, 1]] * 3, {}, 1.0),
    ("empty against full", [[1.0] * 4] * 3, EMPTY, {}, 1.0),
    ("empty against empty", EMPTY, EMPTY, {}, 0.0),
    ("full against full", [[1.0] * 4] * 3, [[1, 1, 1, 1]] * 3, {}, 0.0),
    ("constant against empty", CONSTANT, EMPTY, {}, 0.5**2),
]


@pytest.mark.parametrize("match_all", [True, False])
@pytest.mark.parametrize(
    ("prediction", "target", "options", "value"), [c[1:] for c in BY_HAND], ids=[c[0] for c in BY_HAND]
)
def test_values_by_hand(prediction: Any, target: Any, options: dict[str, Any], value: float, match_all: bool) -> None:
    loss = TopoLoss(match_all=match_all, **options)(image(prediction), image(target))
    assert loss.item() == pytest.approx(value, abs=1e-12)


def test_a_cavity() -> None:
    # component (0.8, 0) and cavity (0.8, 0.1)
    loss = TopoLoss()(shell(0.8, 0.1), shell(1.0, 0.0))
    assert loss.item() == pytest.approx(0.2**2 + 0.2**2 + 0.1**2, abs=1e-12)
    assert TopoLoss(dimensions=[1])(shell(0.8, 0.1), shell(1.0, 0.0)).item() == 0


def test_a_weak_component_is_completed_or_erased() -> None:
    prediction, target = image([[0.9, 0.0, 0.2, 0.0]]), image([[1, 0, 1, 0]])
    assert TopoLoss()(prediction, target).item() == pytest.approx(0.1**2 + 0.8**2)
    assert TopoLoss(match_all=False)(prediction, target).item() == pytest.approx(0.1**2 + 0.2**2 / 2 + 1 / 2)


def test_construction_decides_about_diagonal_neighbours() -> None:
    diagonal = image([[1, 0, 0], [0, 1, 0]])
    joined = image([[1, 1, 0], [0, 1, 0]])
    assert TopoLoss(construction="T")(diagonal, joined).item() == 0
    assert TopoLoss(construction="V")(diagonal, joined).item() == pytest.approx(1 / 2)


def test_the_gradient_is_on_the_critical_voxels_alone() -> None:
    prediction = image(BARS).requires_grad_()
    TopoLoss()(prediction, image([[1, 0, 1, 0]])).backward()
    torch.testing.assert_close(prediction.grad, image([[-0.2, 0.4, -0.4, 0.0]]))


def test_short_bars_pull_in_proportion_to_their_length() -> None:
    prediction = image([[0.9, 0.5, 0.51, 0.1]]).requires_grad_()
    TopoLoss()(prediction, image([[1, 1, 1, 0]])).backward()
    torch.testing.assert_close(prediction.grad, image([[-0.2, -0.01, 0.01, 0.0]]))


@pytest.mark.parametrize("match_all", [True, False])
@pytest.mark.parametrize("value", [0.0, 0.5])
def test_a_constant_prediction_has_a_gradient(value: float, match_all: bool) -> None:
    prediction = torch.full((1, 1, 5, 7), value, requires_grad=True)
    target = torch.zeros(1, 1, 5, 7)
    target[..., 2, 1:5] = 1
    TopoLoss(match_all=match_all)(prediction, target).backward()
    assert prediction.grad is not None
    assert prediction.grad.sum().item() == pytest.approx(-2 * (1 - value))


def distinct_values(*shape: int, seed: int = 0) -> torch.Tensor:
    """Values in (0, 1) far enough from each other that a finite difference keeps their order."""
    count = int(np.prod(shape))
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    return ((order + 0.5) / count).double().reshape(shape).requires_grad_()


@pytest.mark.parametrize(
    ("shape", "patch_size"), [((7, 10), 4), ((7, 10), (7, 3)), ((5, 4, 7), (2, 4, 5)), ((6, 8), 50)]
)
def test_patches_are_seen_one_by_one(shape: tuple[int, ...], patch_size: Any) -> None:
    prediction = distinct_values(2, 1, *shape)
    target = (distinct_values(2, 1, *shape, seed=1) > 0.4).double().detach()
    edges = (patch_size,) * len(shape) if isinstance(patch_size, int) else patch_size
    corners = np.ndindex(*[-(-n // edge) for n, edge in zip(shape, edges, strict=True)])
    windows = [
        (..., *[slice(i * edge, (i + 1) * edge) for i, edge in zip(corner, edges, strict=True)]) for corner in corners
    ]
    alone = TopoLoss(reduction="none")
    expected = torch.stack([alone(prediction[window], target[window]) for window in windows]).mean(0)
    loss = TopoLoss(reduction="none", patch_size=patch_size)(prediction, target)
    torch.testing.assert_close(loss.flatten(), expected.flatten())
    gradients = [torch.autograd.grad(value.sum(), prediction)[0] for value in (loss, expected)]
    torch.testing.assert_close(*gradients)


def test_the_filling_of_patches_is_below_any_value() -> None:
    prediction = torch.tensor([[[[0.0, 0.9, 0.0, 0.8, 0.0]]]], requires_grad=True)
    target = torch.tensor([[[[0.0, 1.0, 1.0, 1.0, 0.0]]]])
    TopoLoss(patch_size=(1, 3))(prediction, target).backward()
    assert prediction.grad is not None
    assert prediction.grad.count_nonzero().item() == 2  # the brightest voxel of each patch


def test_soft_targets_have_bars_of_their_own_length() -> None:
    soft = image([[0.9, 0.2, 0.8, 0.1]])
    assert TopoLoss()(soft, soft).item() == 0
    assert TopoLoss()(soft, image([[0.9, 0.2, 0.7, 0.1]])).item() == pytest.approx(0.1**2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patch_size": 0}, "patch_size: got 0, expected .* an integer >= 1"),
        ({"patch_size": (4, -2)}, r"patch_size: got \(4, -2\), expected a list .each: an integer >= 1"),
    ],
)
def test_ill_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TopoLoss(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dimensions": [0, 2]}, r"dimensions: got \[0, 2\], expected different dimensions from 0 to 1 of 2D images"),
        (
            {"dimension_weights": [1, 1, 1]},
            r"dimension_weights: got 3 values, expected one value for each",
        ),
        ({"patch_size": (4, 4, 4)}, r"patch_size: got \(4, 4, 4\), expected one value or 2"),
    ],
)
def test_options_that_do_not_fit_the_image(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TopoLoss(**options)(torch.rand(1, 1, 5, 6), torch.ones(1, 1, 5, 6))


def test_descent_mends_a_ring_and_erases_a_speck() -> None:
    rows, columns = np.indices((24, 31))
    ring = np.abs(np.hypot(rows - 12, columns - 15) - 8) < 1.5
    target = torch.from_numpy(ring)[None, None].float()
    broken = 3.0 * (2 * target - 1)
    broken[..., 3:7, 14:17] = -2.0  # a gap
    broken[..., 11:14, 14:17] = 2.0  # a spurious piece
    broken += 0.2 * torch.randn(broken.shape, generator=torch.Generator().manual_seed(0))
    loss = TopoLoss(sigmoid=True, min_persistence=0.1)
    assert betti_numbers_2d(broken) == (2, 0)
    assert betti_numbers_2d(descend(lambda logits: loss(logits, target), broken)) == (1, 1)
