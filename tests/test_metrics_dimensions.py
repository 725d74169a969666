"""One score for each class by default; the dimensions that count, and the scores of each of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
    compute_betti_matching_scores,
    compute_cldice,
    compute_diu,
)

Compute = Callable[..., torch.Tensor]
METRICS = {
    BettiErrorMetric: compute_betti_error,
    BettiMatchingErrorMetric: compute_betti_matching_error,
    DIUMetric: compute_diu,
}
every_error = pytest.mark.parametrize(("metric", "compute"), METRICS.items(), ids=lambda m: m.__name__)
every_metric = pytest.mark.parametrize(
    ("metric", "compute"), [*METRICS.items(), (ClDiceMetric, compute_cldice)], ids=lambda m: m.__name__
)


def three_pieces_and_a_cavity() -> tuple[torch.Tensor, torch.Tensor]:
    """A prediction (2, 3, 5, 7, 9) with three components, one loop and one cavity in one channel, and an empty mask."""
    mask = torch.zeros(2, 3, 5, 7, 9)
    one = mask[1, 2]
    one[1:4, 0:3, 0:3] = 1
    one[2, 1, 1] = 0  # the cavity
    one[1, 4:7, 0:3] = 1
    one[1, 5, 1] = 0  # the loop
    one[0, 0, 8] = 1
    return mask, torch.zeros_like(mask)


@every_error
def test_the_sum_over_the_dimensions_or_those_that_are_chosen(metric: type, compute: Compute) -> None:
    pair = three_pieces_and_a_cavity()
    for dimensions, expected in ((None, 5), ([0], 3), ([1], 1), ([2], 1), ((0, 2), 4), ([2, 1, 0], 5)):
        scores = compute(*pair, dimensions=dimensions)
        assert scores.shape == (2, 3)
        assert (scores[1, 2], scores.sum()) == (expected, expected)
        assert torch.equal(metric(dimensions=dimensions)(*pair), scores)


@every_error
def test_one_score_for_each_dimension_in_the_order_of_the_list(metric: type, compute: Compute) -> None:
    pair = three_pieces_and_a_cavity()
    for dimensions, expected in ((None, [3, 1, 1]), ([1], [1]), ((2, 0), [1, 3])):
        options: dict[str, Any] = {"dimensions": dimensions, "reduce_dimensions": False}
        scores = compute(*pair, **options)
        assert scores.shape == (2, 3, len(expected))
        assert scores[1, 2].tolist() == scores.sum(dim=(0, 1)).tolist() == expected
        accumulated = metric(reduction="sum", **options)
        assert torch.equal(accumulated(*pair), scores)
        assert accumulated.aggregate().tolist() == expected


def test_precision_recall_and_f1_of_the_features_of_all_dimensions() -> None:
    prediction, reference = torch.zeros(2, 1, 1, 3, 12)
    prediction[..., 0:3, 0:4] = reference[..., 0:3, 0:3] = 1
    prediction[..., 1, 1:3] = reference[..., 1, 1] = 0  # the same ring
    prediction[..., 6] = prediction[..., 8] = prediction[..., 10] = 1  # three pieces that only the prediction has
    scores = compute_betti_matching_scores(prediction, reference)
    assert [share.shape for share in scores] == [(1, 1)] * 4
    torch.testing.assert_close(torch.cat(scores).flatten(), torch.tensor([3.0, 2 / 5, 1.0, 4 / 7]))
    components = compute_betti_matching_scores(prediction, reference, dimensions=[0])
    torch.testing.assert_close(torch.cat(components).flatten(), torch.tensor([3.0, 1 / 4, 1.0, 2 / 5]))
    apart = compute_betti_matching_scores(prediction, reference, dimensions=[1, 0], reduce_dimensions=False)
    assert apart.precision.tolist() == [[[1.0, 0.25]]]


@every_error
@pytest.mark.parametrize(
    ("dimensions", "error", "message"),
    [
        ([], InputError, r"dimensions: got \[\], expected different dimensions from 0 to"),
        ([0, 0], InputError, r"dimensions: got \[0, 0\], expected different dimensions"),
        ([3], InputError, r"dimensions: got \[3\], expected different dimensions"),
        (1, TypeError, r"dimensions: got 1, expected a list of different dimensions"),
    ],
)
def test_ill_dimensions(metric: type, compute: Compute, dimensions: Any, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        compute(*torch.zeros(2, 1, 1, 4, 5), dimensions=dimensions)
    with pytest.raises(error, match=message):
        metric(dimensions=dimensions)


@every_error
def test_cavities_of_a_picture(metric: type, compute: Compute) -> None:
    with pytest.raises(InputError, match=r"dimensions: got \[2\], expected different dimensions from 0 to 1 of 2D"):
        metric(dimensions=[2])(*torch.zeros(2, 1, 1, 4, 5))


@every_metric
@pytest.mark.parametrize("include_background", [True, False])
def test_empty_references_can_be_left_out_as_by_monai(metric: type, compute: Compute, include_background: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    y_pred, y = (torch.rand(2, 4, 3, 6, 7, generator=generator) < 0.4).float()
    y[1, 2] = y[3, 1] = 0
    scores = compute(y_pred, y, include_background, ignore_empty=True)
    dice = DiceMetric(include_background=include_background, get_not_nans=True)
    assert torch.equal(scores.isnan(), dice(y_pred, y).isnan())
    assert scores.isnan().sum() == 2
    kept = scores.nan_to_num(-1) >= 0
    assert torch.equal(scores[kept], compute(y_pred, y, include_background)[kept])
    for reduction in ("mean", "mean_batch", "sum_batch", "mean_channel", "sum_channel"):
        accumulated = metric(include_background, reduction, get_not_nans=True, ignore_empty=True)
        accumulated(y_pred, y)
        assert torch.equal(accumulated.aggregate()[1], dice.aggregate(reduction)[1])


def test_voxels_that_do_not_count_can_empty_a_reference() -> None:
    y_pred, y = torch.tensor([[[[1, 0, 1]]]]), torch.tensor([[[[255, 0, 0]]]])
    assert compute_betti_error(y_pred, y, ignore_empty=True, ignore_index=255).isnan().all()
    assert compute_betti_error(y_pred, y, ignore_index=255).tolist() == [[1.0]]


@every_metric
def test_the_metric_takes_no_other_keywords(metric: type, compute: Compute) -> None:
    with pytest.raises(TypeError, match="spacing"):
        metric()(*torch.zeros(2, 1, 1, 4, 5), spacing=2.0)
