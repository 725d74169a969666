"""TotalPersistenceLoss: values by hand, and what descent on it does."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from oracles.descent import betti_numbers_2d, descend
from segtopo.errors import InputError
from segtopo.losses import TotalPersistenceLoss

BARS = [[0.9, 0.2, 0.8, 0.1, 0.6]]  # components (0.9, 0), (0.8, 0.2) and (0.6, 0.1)
RING = [[0.9, 0.9, 0.9, 0.9], [0.9, 0.1, 0.2, 0.6], [0.9, 0.9, 0.9, 0.9]]  # component (0.9, 0) and loop (0.6, 0.1)


def image(values: Any) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)[None, None]


@pytest.mark.parametrize(
    ("prediction", "options", "value"),
    [
        (BARS, {}, 0.9**2 + 0.6**2 + 0.5**2),
        (BARS, {"p": 1.0}, 0.9 + 0.6 + 0.5),
        (BARS, {"p": 0.5}, 0.9**0.5 + 0.6**0.5 + 0.5**0.5),
        (BARS, {"longest": 1}, 0.6**2 + 0.5**2),
        (BARS, {"longest": 2}, 0.5**2),
        (BARS, {"longest": 9}, 0.0),
        (BARS, {"longest": 1, "longest_weight": -2.0}, -2 * 0.9**2 + 0.6**2 + 0.5**2),
        (BARS, {"min_persistence": 0.55}, 0.9**2 + 0.6**2),
        (BARS, {"min_persistence": 0.95, "longest": 1, "longest_weight": 1.0}, 0.9**2),
        (BARS, {"dimensions": [1]}, 0.0),
        (RING, {}, 0.9**2 + 0.5**2),
        (RING, {"longest": (1, 0)}, 0.5**2),
        (RING, {"dimensions": [1, 0], "longest": (1, 0)}, 0.9**2),
        (RING, {"dimension_weights": [0.0, 3.0]}, 3 * 0.5**2),
        ([[0.0] * 4] * 3, {}, 0.0),
        ([[0.5] * 4] * 3, {}, 0.5**2),
    ],
)
def test_values_by_hand(prediction: Any, options: dict[str, Any], value: float) -> None:
    assert TotalPersistenceLoss(**options)(image(prediction)).item() == pytest.approx(value, abs=1e-12)


def test_a_cavity() -> None:
    shell = torch.full((1, 1, 3, 3, 4), 0.8, dtype=torch.float64)
    shell[..., 1, 1, 1:3] = 0.1
    assert TotalPersistenceLoss(dimensions=[2])(shell).item() == pytest.approx(0.7**2)
    assert TotalPersistenceLoss(longest=[1, 0, 1])(shell).item() == 0


def test_the_target_only_tells_what_to_ignore() -> None:
    prediction, target = image(BARS), image([[0.0, 1.0, 0.0, 255.0, 255.0]])
    loss = TotalPersistenceLoss(ignore_index=255)
    assert loss(prediction).item() == pytest.approx(0.9**2 + 0.6**2 + 0.5**2)
    assert loss(prediction, target).item() == pytest.approx(0.9**2 + 0.6**2)
    assert loss(prediction, target.clamp(max=1)).equal(loss(prediction))


def test_construction_decides_about_diagonal_neighbours() -> None:
    diagonal = image([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    assert TotalPersistenceLoss(construction="T")(diagonal).item() == 1
    assert TotalPersistenceLoss(construction="V")(diagonal).item() == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"p": 0.0}, "p: got 0.0, expected a number > 0"),
        ({"longest": -1}, "longest: got -1, expected .* an integer >= 0"),
        ({"longest": (1, -1)}, r"longest: got \(1, -1\)"),
    ],
)
def test_ill_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TotalPersistenceLoss(**options)


def test_one_number_for_each_dimension() -> None:
    with pytest.raises(InputError, match=r"longest: got 3 values, expected one value for each of the dim"):
        TotalPersistenceLoss(longest=(1, 0, 0))(image(RING))


def test_descent_keeps_one_component_and_no_loop() -> None:
    logits = torch.full((1, 1, 16, 23), -2.0)
    logits[..., 2:9, 2:9] = 2.0
    logits[..., 4:7, 4:7] = -1.0  # a hole
    logits[..., 11:14, 15:19] = 1.5  # a second component
    logits += 0.1 * torch.randn(logits.shape, generator=torch.Generator().manual_seed(0))
    assert betti_numbers_2d(logits) == (2, 1)
    loss = TotalPersistenceLoss(sigmoid=True, longest=(1, 0))
    assert betti_numbers_2d(descend(loss, logits)) == (1, 0)
