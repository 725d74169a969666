"""BettiMatchingLoss: values by hand, gradients, degenerate masks, precision, and what descent on it does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from segtopo.errors import InputError
from segtopo.losses import BettiMatchingLoss
from segtopo.metrics import compute_betti_numbers

BARS = [[0.9, 0.2, 0.8, 0.1]]
RING = [[0.9, 0.9, 0.9, 0.9], [0.9, 0.1, 0.2, 0.6], [0.9, 0.9, 0.9, 0.9]]
RING_MASK = [[1, 1, 1, 1], [1, 0, 0, 1], [1, 1, 1, 1]]
FULL = [[1.0] * 4] * 3
CONSTANT = [[0.5] * 4] * 3
EMPTY = [[0.0] * 4] * 3
FAR = [[0.0, 0.0, 0.0, 0.9, 0.0]], [[1, 0, 0, 0, 0]]
EXTREMES = {"push_unmatched_to": "extremes"}


def image(values: Any, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.tensor(values, dtype=dtype)[None, None]


BY_HAND = [
    # components (0.9, 0) and (0.8, 0.2)
    ("both found", BARS, [[1, 0, 1, 0]], {}, 0.1**2 + 0.2**2 + 0.2**2),
    ("to be merged", BARS, [[1, 1, 1, 0]], {}, 0.1**2 + 0.6**2 / 2),
    ("to be erased", BARS, [[0, 0, 0, 0]], {}, 0.9**2 / 2 + 0.6**2 / 2),
    ("merged to the extremes", BARS, [[1, 1, 1, 0]], EXTREMES, 0.1**2 + 0.8**2 + 0.8**2),
    ("erased to the extremes", BARS, [[0, 0, 0, 0]], EXTREMES, 0.9**2 + 0.8**2 + 0.8**2),
    ("all but essential", BARS, [[1, 0, 1, 0]], {"essential": False}, 0.2**2 + 0.2**2),
    ("weights of the matched", BARS, [[1, 0, 1, 0]], {"matched_weight": 3}, 3 * (0.1**2 + 0.2**2 + 0.2**2)),
    ("weights of the unmatched", BARS, [[1, 1, 1, 0]], {"unmatched_weight": 3}, 0.1**2 + 3 * 0.6**2 / 2),
    # component (0.9, 0) and loop (0.6, 0.1)
    ("loop found", RING, RING_MASK, {}, 0.1**2 + 0.4**2 + 0.1**2),
    ("loop unwanted", RING, FULL, {}, 0.1**2 + 0.5**2 / 2),
    ("loop to the extremes", RING, FULL, EXTREMES, 0.1**2 + 0.6**2 + 0.9**2),
    ("only loops", RING, RING_MASK, {"dimensions": [1]}, 0.4**2 + 0.1**2),
    ("weighted", RING, RING_MASK, {"dimension_weights": [2, 10]}, 2 * 0.1**2 + 10 * (0.4**2 + 0.1**2)),
    ("weights in the order of dimensions", RING, RING_MASK, {"dimensions": [1, 0], "dimension_weights": [1, 0]}, 0.17),
    ("short bars left alone", RING, FULL, {"min_persistence": 0.51}, 0.1**2),
    ("short bars matched all the same", RING, RING_MASK, {"min_persistence": 0.51}, 0.1**2 + 0.4**2 + 0.1**2),
    ("hole outside the threshold", RING, RING_MASK, {"threshold": 0.5}, 0.1**2 + 0.4**2),
    ("unwanted beyond the threshold", RING, EMPTY, {"threshold": 0.5}, 0.9**2 / 2 + 0.6**2 / 2),
    ("loop missing", CONSTANT, RING_MASK, {}, 0.5**2 + 1 / 2),
    ("loop missing, extremes", CONSTANT, RING_MASK, EXTREMES, 0.5**2 + 1 + 1),
    ("loop missing, not counted", CONSTANT, RING_MASK, {"unmatched_target_weight": 0}, 0.5**2),
    # bars of equal values at different places
    ("far away", *FAR, {}, 0.1**2),
    ("far away with a threshold", *FAR, {"threshold": 0.8}, 1.0 + 0.9**2 / 2),
    ("one component against an empty prediction", EMPTY, [[0, 1, 1, 0]] * 3, {}, 1.0),
    ("two components against an empty prediction", EMPTY, [[1, 0, 0, 1]] * 3, {}, 1.0 + 1 / 2),
    ("two essential ones", EMPTY, [[1, 0, 0, 1]] * 3, {"threshold": 0.8}, 1.0 + 1.0),
    ("full against empty", EMPTY, FULL, {}, 1.0),
    ("empty against full", FULL, EMPTY, {}, 1 / 2),
    ("empty against empty", EMPTY, EMPTY, {}, 0.0),
    ("empty against empty with a threshold", EMPTY, EMPTY, {"threshold": 0.8}, 0.0),
    ("full against full", FULL, FULL, {}, 0.0),
    ("constant against empty", CONSTANT, EMPTY, {}, 0.5**2 / 2),
    ("below the threshold", CONSTANT, EMPTY, {"threshold": 0.4}, 0.0),
    ("one voxel", EMPTY, [[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]], {"threshold": 0.8}, 1.0),
]
by_hand = pytest.mark.parametrize(
    ("prediction", "target", "options", "value"), [c[1:] for c in BY_HAND], ids=[c[0] for c in BY_HAND]
)


@by_hand
def test_values_by_hand(prediction: Any, target: Any, options: dict[str, Any], value: float) -> None:
    loss = BettiMatchingLoss(**options)(image(prediction), image(target))
    assert loss.item() == pytest.approx(value, abs=1e-12)


@by_hand
def test_mirrored_images_have_the_same_loss(
    prediction: Any, target: Any, options: dict[str, Any], value: float
) -> None:
    for axes in ([2], [3], [2, 3]):
        mirrored = (image(values).flip(axes) for values in (prediction, target))
        assert BettiMatchingLoss(**options)(*mirrored).item() == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("threshold", [None, 0.4])
def test_a_cavity(threshold: float | None) -> None:
    prediction, target = torch.full((2, 1, 1, 3, 3, 4), 0.8, dtype=torch.float64)
    target[:] = 1
    prediction[..., 1, 1, 1:3], target[..., 1, 1, 1:3] = 0.1, 0.0
    death = 0.1**2 if threshold is None else 0
    loss = BettiMatchingLoss(threshold=threshold)(prediction, target)
    assert loss.item() == pytest.approx(0.2**2 + 0.2**2 + death, abs=1e-12)
    assert BettiMatchingLoss(threshold=threshold, dimensions=[1])(prediction, target).item() == 0


def test_construction_decides_about_diagonal_neighbours() -> None:
    diagonal, joined = image([[1, 0, 0], [0, 1, 0]]), image([[1, 1, 0], [0, 1, 0]])
    assert BettiMatchingLoss(construction="T")(diagonal, joined).item() == 0
    assert BettiMatchingLoss(construction="V")(diagonal, joined).item() == pytest.approx(1 / 2)


@pytest.mark.parametrize("threshold", [None, 0.8])
@pytest.mark.parametrize("shape", [(6, 7), (3, 4, 5)])
def test_a_perfect_prediction_costs_nothing(shape: tuple[int, ...], threshold: float | None) -> None:
    masks = (torch.rand(2, 3, *shape, generator=torch.Generator().manual_seed(0)) < 0.4).double()
    soft = distinct_values(1, 1, *shape).detach()
    for exact in (masks, soft):
        assert BettiMatchingLoss(threshold=threshold)(exact, exact).item() == 0


def gradient(prediction: Any, target: Any, **options: Any) -> torch.Tensor:
    values = image(prediction).requires_grad_()
    BettiMatchingLoss(**options)(values, image(target)).backward()
    assert values.grad is not None
    return values.grad


def test_the_gradient_is_on_the_critical_voxels_alone() -> None:
    torch.testing.assert_close(gradient(BARS, [[1, 0, 1, 0]]), image([[-0.2, 0.4, -0.4, 0.0]]))
    torch.testing.assert_close(gradient(BARS, [[1, 1, 1, 0]]), image([[-0.2, -0.6, 0.6, 0.0]]))
    torch.testing.assert_close(gradient(BARS, [[1, 1, 1, 0]], **EXTREMES), image([[-0.2, -1.6, 1.6, 0.0]]))
    torch.testing.assert_close(gradient(BARS, [[1, 1, 1, 0]], min_persistence=0.7), image([[-0.2, 0.0, 0.0, 0.0]]))


@pytest.mark.parametrize("value", [0.0, 0.5])
@pytest.mark.parametrize("threshold", [None, 0.8])
def test_a_constant_prediction_has_a_gradient(value: float, threshold: float | None) -> None:
    target = torch.zeros(5, 7)
    target[2, 1:5] = 1
    grad = gradient([[value] * 7] * 5, target.tolist(), threshold=threshold)
    assert grad.sum().item() == pytest.approx(-2 * (1 - value))
    if threshold is not None and value == 0.0:
        assert grad[0, 0][target == 0].count_nonzero() == 0


def test_without_bars_the_gradient_is_zero() -> None:
    assert not gradient(CONSTANT, EMPTY, threshold=0.4).any()


def distinct_values(*shape: int, seed: int = 0) -> torch.Tensor:
    """Values in (0, 1) far enough from each other that a finite difference keeps their order."""
    count = int(np.prod(shape))
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    return ((order + 0.5) / count).double().reshape(shape).requires_grad_()


def test_nan_is_refused() -> None:
    prediction = torch.rand(2, 2, 4, 5)
    prediction[1, 0, 2, 3] = float("nan")
    with pytest.raises(ValueError, match=r"prediction: got 1 NaN, the first at \(2, 3\) of image 2"):
        BettiMatchingLoss()(prediction, torch.ones(2, 2, 4, 5))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"matched_weight": -1}, "matched_weight: got -1, expected a number >= 0"),
        ({"unmatched_weight": float("nan")}, "unmatched_weight: got nan, expected a number >= 0"),
        ({"unmatched_target_weight": -0.5}, "unmatched_target_weight: got -0.5"),
        (
            {"push_unmatched_to": "one_zero"},
            "push_unmatched_to: got 'one_zero', expected one of 'diagonal', 'extremes'",
        ),
        ({"threshold": 1.1}, "threshold: got 1.1, expected a number >= 0 and <= 1, or None"),
    ],
)
def test_ill_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        BettiMatchingLoss(**options)


def descend(start: torch.Tensor, target: torch.Tensor, steps: int, **options: Any) -> list[int]:
    """The Betti numbers of what gradient descent on the loss alone makes of logits."""
    logits = start.clone().requires_grad_()
    loss = BettiMatchingLoss(sigmoid=True, **options)
    optimizer = torch.optim.Adam([logits], lr=0.3)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(logits, target).backward()
        optimizer.step()
    return list(compute_betti_numbers(logits.detach() > 0)[0, 0].tolist())


def noisy_logits(mask: torch.Tensor) -> torch.Tensor:
    return 6.0 * mask - 3.0 + 0.2 * torch.randn(mask.shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("options", [{}, {"threshold": 0.9}, {**EXTREMES, "min_persistence": 0.1}])
@pytest.mark.parametrize("shape", [(5, 13), (4, 3, 11)])
def test_descent_closes_a_gap(shape: tuple[int, ...], options: dict[str, Any]) -> None:
    target = torch.zeros(1, 1, *shape)
    target[(..., *[2] * (len(shape) - 1), slice(1, -1))] = 1
    broken = target.clone()
    broken[..., shape[-1] // 2 - 1 : shape[-1] // 2 + 2] = 0
    logits = noisy_logits(broken)
    assert compute_betti_numbers(logits > 0)[0, 0, 0] == 2
    assert descend(logits, target, 60, **options) == [1, *[0] * (len(shape) - 1)]


@pytest.mark.parametrize("options", [{}, {"threshold": 0.9}, {**EXTREMES, "min_persistence": 0.1}])
def test_descent_mends_a_ring(options: dict[str, Any]) -> None:
    target = torch.zeros(1, 1, 9, 11)
    target[..., 1:-1, 1:-1] = 1
    target[..., 3:-3, 3:-3] = 0
    broken = target.clone()
    broken[..., :4, 4:7] = 0
    logits = noisy_logits(broken)
    assert compute_betti_numbers(logits > 0)[0, 0].tolist() == [1, 0]
    assert descend(logits, target, 60, **options) == [1, 1]


@pytest.mark.parametrize("options", [{}, {**EXTREMES, "min_persistence": 0.1}])
def test_descent_removes_a_spurious_loop(options: dict[str, Any]) -> None:
    target = torch.zeros(1, 1, 7, 12)
    target[..., 1:6, 1:11] = 1
    target[..., 2:5, 2:5] = 0
    pierced = target.clone()
    pierced[..., 3, 8] = 0
    logits = noisy_logits(pierced)
    assert compute_betti_numbers(logits > 0)[0, 0].tolist() == [1, 2]
    assert descend(logits, target, 60, **options) == [1, 1]


def test_flipping_both_images_flips_the_gradient() -> None:
    values = distinct_values(1, 1, 6, 7)
    target = torch.zeros(1, 1, 6, 7, dtype=torch.float64)
    target[..., 1:4, 2:6] = 1
    expected = torch.autograd.grad(BettiMatchingLoss(dimensions=[0])(values, target), values)[0]
    for axes in ([2], [3], [2, 3]):
        flipped = values.detach().flip(axes).requires_grad_()
        grad = torch.autograd.grad(BettiMatchingLoss(dimensions=[0])(flipped, target.flip(axes)), flipped)[0]
        torch.testing.assert_close(grad.flip(axes), expected)
