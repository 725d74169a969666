"""DiagramDistanceLoss: values by hand, prescribed diagrams, and how it compares with TopoLoss and the distances."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from segtopo.errors import InputError
from segtopo.losses import DiagramDistanceLoss, TopoLoss
from segtopo.matching import bottleneck_distance, wasserstein_distance
from segtopo.persistence import compute_persistence

BARS = [[0.9, 0.2, 0.8, 0.1, 0.6]]  # components (0.9, 0), (0.8, 0.2) and (0.6, 0.1)
RING = [[0.9, 0.9, 0.9, 0.9], [0.9, 0.1, 0.2, 0.6], [0.9, 0.9, 0.9, 0.9]]  # component (0.9, 0) and loop (0.6, 0.1)
RING_MASK = [[1, 1, 1, 1], [1, 0, 0, 1], [1, 1, 1, 1]]


def image(values: Any) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)[None, None]


@pytest.mark.parametrize(
    ("prediction", "target", "options", "value"),
    [
        (BARS, [[1, 1, 1, 0, 0]], {}, 0.1**2 + 0.6**2 / 2 + 0.5**2 / 2),
        (BARS, [[1, 0, 1, 0, 1]], {}, 0.1**2 + (0.2**2 + 0.2**2) + (0.4**2 + 0.1**2)),
        (BARS, [[1, 1, 1, 0, 0]], {"order": 1.0}, (0.1 + (0.6 + 0.5) / 2**0.5) ** 2),
        (BARS, [[1, 1, 1, 0, 0]], {"internal_p": float("inf")}, 0.1**2 + 0.3**2 + 0.25**2),
        (BARS, [[1, 1, 1, 0, 0]], {"internal_p": 1.0}, 0.1**2 + 0.6**2 + 0.5**2),
        (BARS, [[1, 1, 1, 0, 0]], {"distance": "bottleneck"}, 0.3**2),
        (BARS, [[1, 1, 1, 0, 0]], {"min_persistence": 0.55}, 0.1**2 + 0.6**2 / 2),
        (RING, RING_MASK, {}, 0.1**2 + 0.4**2 + 0.1**2),
        (RING, RING_MASK, {"dimensions": [1]}, 0.4**2 + 0.1**2),
        (RING, RING_MASK, {"dimensions": [1], "distance": "bottleneck"}, 0.4**2),
        (RING, RING_MASK, {"dimension_weights": [2.0, 10.0]}, 2 * 0.1**2 + 10 * (0.4**2 + 0.1**2)),
        ([[0.0] * 4], [[0, 1, 1, 0]], {}, 1 / 2),
        ([[0.0] * 4], [[0, 0, 0, 0]], {}, 0.0),
    ],
)
def test_values_by_hand(prediction: Any, target: Any, options: dict[str, Any], value: float) -> None:
    loss = DiagramDistanceLoss(**options)(image(prediction), image(target))
    assert loss.item() == pytest.approx(value, abs=1e-12)


def test_prescribed_diagrams_need_no_target() -> None:
    one_ring = DiagramDistanceLoss(diagrams=[[(1.0, 0.0)], [(1.0, 0.0)]])
    assert one_ring(image(RING)).item() == pytest.approx(0.1**2 + 0.4**2 + 0.1**2)
    assert one_ring(image(RING), image(BARS)[..., :4].expand(-1, -1, 3, -1)).equal(one_ring(image(RING)))
    no_loops = DiagramDistanceLoss(dimensions=[1], diagrams=[[]])
    assert no_loops(image(RING)).item() == pytest.approx(0.5**2 / 2)


@pytest.mark.parametrize("shape", [(3, 1, 7, 9), (1, 2, 5, 6, 4)])
def test_the_wasserstein_distance_is_the_one_of_topo_loss(shape: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(0)
    prediction = torch.rand(shape, dtype=torch.float64, generator=generator).requires_grad_()
    target = (torch.rand(shape, generator=generator) > 0.6).double()
    losses = [loss(prediction, target) for loss in (DiagramDistanceLoss(), TopoLoss(match_all=False))]
    torch.testing.assert_close(*losses)
    torch.testing.assert_close(*[torch.autograd.grad(loss, prediction)[0] for loss in losses])


@pytest.mark.parametrize("distance", ["wasserstein", "bottleneck"])
def test_it_is_the_squared_distance_of_the_diagrams(distance: Any) -> None:
    generator = np.random.default_rng(0)
    images = generator.random((2, 9, 11))
    diagrams = [compute_persistence(values).of_dimension(1) for values in images]
    points = [np.stack([pairs.births, pairs.deaths], axis=1) for pairs in diagrams]
    expected = {"wasserstein": wasserstein_distance, "bottleneck": bottleneck_distance}[distance](*points) ** 2
    loss = DiagramDistanceLoss(distance=distance, dimensions=[1])(*torch.from_numpy(images)[:, None, None])
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"distance": "hausdorff"}, "distance: got 'hausdorff', expected one of"),
        ({"order": 0.5}, "order: got 0.5, expected a number >= 1"),
        ({"internal_p": 0.0}, "internal_p: got 0.0, expected a number >= 1"),
        ({"diagrams": [[(0.2, 0.8)]]}, "expected bars \\(birth, death\\) with 1 >= birth >= death >= 0"),
        ({"diagrams": [[(0.2,)]]}, "diagrams: got .* 2 values .each: a number"),
    ],
)
def test_ill_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        DiagramDistanceLoss(**options)


def test_something_to_compare_with_is_needed() -> None:
    with pytest.raises(InputError, match="target: got None without diagrams"):
        DiagramDistanceLoss()(image(RING))
    with pytest.raises(InputError, match=r"diagrams: got 1 diagrams, expected one for each of the dimensions \[0, 1\]"):
        DiagramDistanceLoss(diagrams=[[(1.0, 0.0)]])(image(RING))
