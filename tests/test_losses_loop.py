"""LoopLossH1: values by hand, and which voxels each weight moves."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from oracles.descent import betti_numbers_2d, descend
from segtopo.errors import InputError
from segtopo.losses import LoopLossH1

RING = [[0.9, 0.9, 0.9, 0.9], [0.9, 0.1, 0.2, 0.6], [0.9, 0.9, 0.9, 0.9]]  # one loop, (0.6, 0.1)
# Loops (0.9, 0.1), around the first hole, and (0.6, 0.3).
TWO_RINGS = [[0.9] * 7, [0.9, 0.1, 0.9, 0.3, 0.3, 0.3, 0.6], [0.9] * 7]


def image(values: Any) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)[None, None]


@pytest.mark.parametrize(
    ("prediction", "options", "value"),
    [
        (RING, {}, 0.6**2 + 0.9**2),
        (RING, {"loops": 1}, 0.4**2 + 0.1**2),
        (RING, {"loops": 3}, 0.4**2 + 0.1**2 + 2 * 0.5),
        (RING, {"loops": 2, "birth_weight": 3.0}, 3 * 0.4**2 + 0.1**2 + 3 / 4),
        (RING, {"birth_weight": 3.0}, 3 * 0.6**2 + 0.9**2),
        (RING, {"death_weight": 0.0}, 0.6**2),
        (RING, {"birth_weight": 0.0}, 0.9**2),
        (RING, {"loops": 2, "birth_weight": 0.0}, 0.1**2),
        (RING, {"penalty_weight": 0.1}, 0.1 * (0.6**2 + 0.9**2)),
        (RING, {"min_persistence": 0.51}, 0.0),
        (RING, {"min_persistence": 0.51, "loops": 1}, 0.4**2 + 0.1**2),
        (TWO_RINGS, {"loops": 1}, (0.1**2 + 0.1**2) + (0.6**2 + 0.7**2)),
        (TWO_RINGS, {"loops": 1, "penalty_weight": 0.0}, 0.1**2 + 0.1**2),
        ([[0.5] * 4] * 3, {}, 0.0),
        ([[0.5] * 4] * 3, {"loops": 1}, 0.5),
    ],
)
def test_values_by_hand(prediction: Any, options: dict[str, Any], value: float) -> None:
    assert LoopLossH1(**options)(image(prediction)).item() == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize(
    ("options", "moved"),
    [({}, {(1, 3), (1, 1)}), ({"death_weight": 0.0}, {(1, 3)}), ({"birth_weight": 0.0}, {(1, 1)})],
)
def test_each_weight_moves_its_own_voxel(options: dict[str, float], moved: set[tuple[int, int]]) -> None:
    prediction = image([[0.9, 0.9, 0.9, 0.9], [0.9, 0.1, 0.3, 0.6], [0.9, 0.9, 0.9, 0.9]]).requires_grad_()
    (gradient,) = torch.autograd.grad(LoopLossH1(**options)(prediction), prediction)
    assert {tuple(voxel) for voxel in gradient[0, 0].nonzero().tolist()} == moved


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loops": -1}, "loops: got -1, expected an integer >= 0"),
        ({"birth_weight": -1.0}, "birth_weight: got -1.0, expected a number >= 0"),
        ({"birth_weight": 0.0, "death_weight": 0.0}, "expected one of them above 0"),
    ],
)
def test_ill_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        LoopLossH1(**options)


def ring_with_noise() -> torch.Tensor:
    logits = torch.full((1, 1, 14, 19), -2.0)
    logits[..., 3:11, 4:15] = 2.0
    logits[..., 5:9, 6:13] = -1.0
    logits[..., 5:9, 13:15] = 1.0  # the weakest side
    return logits + 0.05 * torch.randn(logits.shape, generator=torch.Generator().manual_seed(0))


def test_descent_opens_a_loop_or_fills_it() -> None:
    logits = ring_with_noise()
    assert betti_numbers_2d(logits) == (1, 1)
    opened = descend(LoopLossH1(sigmoid=True, death_weight=0.0), logits)
    filled = descend(LoopLossH1(sigmoid=True, birth_weight=0.0), logits)
    assert betti_numbers_2d(opened)[1] == betti_numbers_2d(filled)[1] == 0
    assert (opened > 0).sum() < (logits > 0).sum() < (filled > 0).sum()


def test_descent_closes_a_ring() -> None:
    logits = ring_with_noise()
    logits[..., 6:8, 13:15] = -1.0
    assert betti_numbers_2d(logits) == (1, 0)
    assert betti_numbers_2d(descend(LoopLossH1(sigmoid=True, loops=1), logits))[1] == 1
