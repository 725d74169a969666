"""BettiPriorLoss: values by hand, priors of classes and of several together, and what descent on it does."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from oracles.descent import betti_numbers_2d, descend
from segtopo.errors import InputError
from segtopo.losses import BettiPriorLoss

BARS = [[0.9, 0.2, 0.8, 0.1, 0.6]]  # components (0.9, 0), (0.8, 0.2) and (0.6, 0.1)
RING = [[0.9, 0.9, 0.9, 0.9], [0.9, 0.1, 0.2, 0.6], [0.9, 0.9, 0.9, 0.9]]  # component (0.9, 0) and loop (0.6, 0.1)


def image(values: Any) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)[None, None]


def prior(*numbers: int, classes: tuple[int, ...] = (0,)) -> dict[str, Any]:
    return {"classes": classes, "betti_numbers": numbers}


@pytest.mark.parametrize(
    ("prediction", "numbers", "options", "value"),
    [
        (BARS, (1, 0), {}, (1 - 0.9**2) + 0.6**2 + 0.5**2),
        (BARS, (2, 0), {}, (1 - 0.9**2) + (1 - 0.6**2) + 0.5**2),
        (BARS, (0, 0), {}, 0.9**2 + 0.6**2 + 0.5**2),
        (BARS, (4, 0), {}, (1 - 0.9**2) + (1 - 0.6**2) + (1 - 0.5**2) + 1),
        (BARS, (1, 2), {}, (1 - 0.9**2) + 0.6**2 + 0.5**2 + 2),
        (BARS, (1, 0), {"p": 1.0}, 0.1 + 0.6 + 0.5),
        (BARS, (1, 0), {"min_persistence": 0.55}, (1 - 0.9**2) + 0.6**2),
        (BARS, (3, 0), {"min_persistence": 0.55}, (1 - 0.9**2) + (1 - 0.6**2) + (1 - 0.5**2)),
        (RING, (1, 1), {}, (1 - 0.9**2) + (1 - 0.5**2)),
        (RING, (1, 0), {}, (1 - 0.9**2) + 0.5**2),
        (RING, (1,), {"dimensions": [1]}, 1 - 0.5**2),
        (RING, (1, 0), {"dimension_weights": [2.0, 10.0]}, 2 * (1 - 0.9**2) + 10 * 0.5**2),
        ([[0.5] * 4] * 3, (1, 1), {}, (1 - 0.5**2) + 1),
        ([[0.0] * 4] * 3, (1, 0), {}, 1.0),
        ([[1.0] * 4] * 3, (1, 0), {}, 0.0),
    ],
)
def test_values_by_hand(prediction: Any, numbers: tuple[int, ...], options: dict[str, Any], value: float) -> None:
    loss = BettiPriorLoss(priors=[prior(*numbers)], **options)
    assert loss(image(prediction)).item() == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize(
    ("target", "value"),
    [
        ([[1, 1, 1, 1], [1, 0, 0, 1], [1, 1, 1, 1]], (1 - 0.9**2) + (1 - 0.5**2)),
        ([[1, 1, 1, 1]] * 3, (1 - 0.9**2) + 0.5**2),
        ([[1, 0, 0, 1], [0, 0, 0, 0], [1, 0, 0, 1]], (1 - 0.9**2) + 3 + 0.5**2),
        ([[0, 0, 0, 0]] * 3, 0.9**2 + 0.5**2),
    ],
)
def test_without_priors_the_numbers_are_those_of_the_target(target: Any, value: float) -> None:
    assert BettiPriorLoss()(image(RING), image(target)).item() == pytest.approx(value, abs=1e-12)


def test_priors_speak_of_classes_alone_and_together() -> None:
    rings = torch.zeros(2, 3, 7, 9, dtype=torch.float64)
    rings[:, 1, 1:6, 1:8] = 1
    rings[:, 1, 3, 3:6] = 0
    rings[0, 2, 3, 3:6] = 1  # the disc is missing in the second image
    rings[:, 0] = 1 - rings[:, 1:].sum(dim=1)
    priors = [prior(1, 1, classes=(1,)), prior(1, 0, classes=(2,)), prior(1, 0, classes=(1, 2))]
    losses = BettiPriorLoss(priors=priors, reduction="none")(rings)
    assert losses.shape == (2, 3, 1, 1)
    torch.testing.assert_close(losses.flatten(1), torch.tensor([[0.0, 0, 0], [0, 1, 1]], dtype=torch.float64))
    weighted = BettiPriorLoss(priors=priors, reduction="sum", weight=[1.0, 10.0, 100.0])(rings)
    assert weighted.item() == pytest.approx(110)


def test_probabilities_of_exclusive_classes_add_up_and_labels_overlap() -> None:
    channels = torch.tensor([0.3, 0.4]).reshape(1, 2, 1, 1).expand(1, 2, 4, 5)
    both = [prior(1, 0, classes=(0, 1))]
    assert BettiPriorLoss(priors=both, p=1.0)(channels).item() == pytest.approx(1 - 0.7)
    loss = BettiPriorLoss(priors=both, p=1.0, sigmoid=True)(channels.logit())
    assert loss.item() == pytest.approx(1 - 0.4)


@pytest.mark.parametrize(
    ("priors", "message"),
    [
        ([], r"priors: got \[\], expected a list .* of at least 1, or None"),
        ([{"classes": [1]}], "expected a list .each: a mapping with the keys betti_numbers, classes"),
        ([{"classes": [], "betti_numbers": [1]}], "expected a list .each: a mapping with the keys"),
        ([{"classes": [1, 1], "betti_numbers": [1]}], r"priors\[0\].classes: got \[1, 1\], expected none twice"),
        ([{"classes": [1], "betti_numbers": [-1]}], "expected a list .each: a mapping with the keys"),
    ],
)
def test_ill_priors(priors: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        BettiPriorLoss(priors=priors)


def test_priors_that_do_not_fit_the_image() -> None:
    with pytest.raises(InputError, match=r"priors\[0\].classes: got \[2\], expected classes from 0 to 1"):
        BettiPriorLoss(priors=[prior(1, 0, classes=(2,))])(torch.rand(1, 2, 4, 5))
    with pytest.raises(InputError, match=r"priors\[0\].betti_numbers: got 3 values, expected one value for each"):
        BettiPriorLoss(priors=[prior(1, 0, 0)])(torch.rand(1, 1, 4, 5))
    with pytest.raises(InputError, match="target: got None without priors"):
        BettiPriorLoss()(torch.rand(1, 1, 4, 5))
    with pytest.raises(InputError, match="p: got -1, expected a number > 0"):
        BettiPriorLoss(p=-1)


def test_descent_joins_a_broken_vessel_and_needs_no_target() -> None:
    logits = torch.full((1, 1, 12, 25), -3.0)
    logits[..., 4:7, 2:23] = 3.0
    logits[..., 11:14] = -1.0  # a gap
    logits += 0.1 * torch.randn(logits.shape, generator=torch.Generator().manual_seed(0))
    assert betti_numbers_2d(logits) == (2, 0)
    loss = BettiPriorLoss(sigmoid=True, priors=[prior(1, 0)])
    assert betti_numbers_2d(descend(loss, logits)) == (1, 0)
    ring = BettiPriorLoss(sigmoid=True, priors=[prior(1, 1)])
    assert betti_numbers_2d(descend(ring, logits))[1] == 1
