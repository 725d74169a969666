"""DIU: shapes, channels and batches; what it counts is tested with the comparison of masks."""

import numpy as np
import pytest
import torch

from oracles.inclusion import kernel_and_cokernel
from segtopo.metrics import DIUMetric, compute_betti_numbers, compute_diu


def random_masks(shape, seed):
    return torch.from_numpy(np.random.default_rng(seed).random(shape) < 0.5)


@pytest.mark.parametrize("construction", ["T", "V"])
@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (2, 2, 3, 4, 5)])
def test_every_item_and_channel_is_scored_alone(shape, construction):
    y_pred, y = random_masks(shape, 1), random_masks(shape, 2)
    scores = compute_diu(y_pred, y, construction=construction, reduce_dimensions=False)
    assert scores.shape == (*shape[:2], len(shape) - 2)
    assert scores.dtype == torch.float32
    for b, c in np.ndindex(shape[:2]):
        prediction, reference = y_pred[b, c].numpy(), y[b, c].numpy()
        kernel, cokernel = kernel_and_cokernel(prediction & reference, prediction | reference, construction)
        assert scores[b, c].tolist() == [k + c for k, c in zip(kernel, cokernel, strict=True)]


@pytest.mark.parametrize("shape", [(1, 1, 6, 9), (1, 1, 4, 5, 6)])
def test_against_an_empty_mask_the_betti_numbers_count(shape):
    masks, empty = random_masks(shape, 3), torch.zeros(shape)
    expected = compute_betti_numbers(masks).float()
    assert torch.equal(compute_diu(empty, masks, reduce_dimensions=False), expected)
    assert torch.equal(compute_diu(masks, empty, reduce_dimensions=False), expected)
    assert not compute_diu(empty, empty).any()


def test_the_background_channel_can_be_left_out():
    y_pred, y = random_masks((2, 3, 5, 7), 4), random_masks((2, 3, 5, 7), 5)
    assert torch.equal(compute_diu(y_pred, y, include_background=False), compute_diu(y_pred, y)[:, 1:])


def test_the_metric_gathers_batches():
    y_pred, y = random_masks((4, 1, 6, 7), 6), random_masks((4, 1, 6, 7), 7)
    metric = DIUMetric(get_not_nans=True)
    metric(y_pred[:1], y[:1])
    metric(y_pred[1:], y[1:])
    mean, not_nans = metric.aggregate()
    assert torch.allclose(mean, compute_diu(y_pred, y).mean((0, 1)))
    assert not_nans.item() == 4


@pytest.mark.parametrize(
    ("y_pred", "y", "error", "message"),
    [
        (torch.ones(1, 1, 3, 4), torch.ones(1, 1, 4, 3), ValueError, "the shape .* of y_pred"),
        (torch.full((1, 1, 3, 4), 0.5), torch.ones(1, 1, 3, 4), ValueError, "y_pred: got values other than 0 and 1"),
        (np.ones((1, 1, 3, 4)), torch.ones(1, 1, 3, 4), TypeError, "y_pred: got ndarray"),
    ],
)
def test_bad_masks_are_refused(y_pred, y, error, message):
    with pytest.raises(error, match=message):
        compute_diu(y_pred, y)


def test_an_unknown_construction_is_refused():
    with pytest.raises(ValueError, match="construction: got 'X'"):
        DIUMetric(construction="X")
