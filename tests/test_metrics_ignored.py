"""Voxels that do not count: for every metric, as value, as class, and as voxels without a class."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from monai.metrics import DiceMetric

from segtopo.errors import InputError
from segtopo.metrics import (
    BettiErrorMetric,
    BettiMatchingErrorMetric,
    ClDiceMetric,
    DIUMetric,
    compute_betti_error,
    compute_betti_matching_error,
    compute_cldice,
    compute_diu,
)

METRICS = {
    BettiErrorMetric: compute_betti_error,
    BettiMatchingErrorMetric: compute_betti_matching_error,
    DIUMetric: compute_diu,
    ClDiceMetric: compute_cldice,
}
every_metric = pytest.mark.parametrize(("metric", "compute"), METRICS.items(), ids=lambda m: m.__name__)


@pytest.fixture(params=[(12, 17), (6, 7, 9)], ids=["2D", "3D"])
def classes(request: pytest.FixtureRequest) -> tuple[torch.Tensor, torch.Tensor]:
    """Label maps of a prediction and a reference, with the classes 0 to 2."""
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.integers(0, 3, (2, 1, *request.param))), torch.from_numpy(
        rng.integers(0, 3, (2, 1, *request.param))
    )


def one_hot(labels: torch.Tensor) -> torch.Tensor:
    return torch.cat([labels == k for k in range(3)], dim=1).float()


@every_metric
def test_a_value_of_a_single_channel(
    metric: type, compute: Callable[..., torch.Tensor], classes: tuple[torch.Tensor, torch.Tensor]
) -> None:
    prediction, reference = ((labels == 1).long() for labels in classes)
    ignored = classes[1] == 2
    expected = compute(prediction * ~ignored, reference * ~ignored)
    marked = reference.masked_fill(ignored, 255)
    assert torch.equal(compute(prediction, marked, ignore_index=255), expected)
    assert torch.equal(metric(ignore_index=255)(prediction, marked), expected)
    assert not torch.equal(compute(prediction, reference), expected)
    with pytest.raises(InputError, match="values other than 0 and 1"):
        compute(prediction, marked)


@every_metric
@pytest.mark.parametrize("include_background", [True, False])
def test_a_class_of_several(
    metric: type,
    compute: Callable[..., torch.Tensor],
    include_background: bool,
    classes: tuple[torch.Tensor, torch.Tensor],
) -> None:
    y_pred, y = (one_hot(labels) for labels in classes)
    counts = (classes[1] != 2).float()
    expected = compute(y_pred * counts, y * counts, include_background)
    expected[:, -1] = torch.nan
    found = compute(y_pred, y, include_background, ignore_index=2)
    assert torch.equal(found.nan_to_num(-1), expected.nan_to_num(-1))
    accumulated = metric(include_background, "mean", ignore_index=2)
    accumulated(y_pred, y)
    assert not accumulated.aggregate().isnan().any()


@every_metric
def test_voxels_without_a_class(
    metric: type, compute: Callable[..., torch.Tensor], classes: tuple[torch.Tensor, torch.Tensor]
) -> None:
    y_pred, y = (one_hot(labels) for labels in classes)
    counts = torch.rand(classes[1].shape, generator=torch.Generator().manual_seed(1)) < 0.7
    assert torch.equal(compute(y_pred, y * counts, ignore_index=-1), compute(y_pred * counts, y * counts))


def test_dice_of_monai_leaves_out_the_same_voxels(classes: tuple[torch.Tensor, torch.Tensor]) -> None:
    prediction, reference = ((labels == 1).float() for labels in classes)
    ignored = classes[1] == 2
    marked = reference.masked_fill(ignored, 255)
    found = DiceMetric(ignore_index=255, reduction="none")(prediction, marked)
    kept = prediction * ~ignored
    expected = 2 * (kept * reference).flatten(1).sum(1) / (kept + reference * ~ignored).flatten(1).sum(1)
    torch.testing.assert_close(found.flatten(), expected)


@every_metric
def test_bad_input(metric: type, compute: Callable[..., torch.Tensor]) -> None:
    with pytest.raises(InputError, match="y: got shape"):
        compute(torch.zeros(1, 1, 4, 5), torch.zeros(1, 1, 5, 4), ignore_index=2)
    with pytest.raises(TypeError, match="y_pred: got list, expected a torch tensor"):
        compute([[0]], torch.zeros(1, 1, 4, 5), ignore_index=2)
