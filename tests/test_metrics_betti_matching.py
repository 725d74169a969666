"""Betti matching error and scores: by hand, in dimension 0 against labelling, degenerate masks, batches."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage

from segtopo.metrics import (
    BettiMatchingErrorMetric,
    compute_betti_matching_error,
    compute_betti_matching_scores,
    compute_betti_numbers,
)

per_dimension = partial(compute_betti_matching_error, reduce_dimensions=False)
scores_per_dimension = partial(compute_betti_matching_scores, reduce_dimensions=False)
every_construction = pytest.mark.parametrize("construction", ["T", "V"])
every_shape = pytest.mark.parametrize("shape", [(2, 3, 5, 7), (2, 2, 3, 4, 5)])


def random_masks(shape: tuple[int, ...], seed: int, density: float = 0.35) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random(shape) < density)


def mask(*rows: str) -> torch.Tensor:
    return torch.tensor([[character == "#" for character in row] for row in rows])[None, None]


def errors(prediction: torch.Tensor, reference: torch.Tensor, **options: Any) -> list[float]:
    return list(per_dimension(prediction, reference, **options)[0, 0].tolist())


RING = mask("###....", "#.#....", "###....")
OTHER_RING = mask("..#####", "..#...#", "..#####")
THICK_RING = mask("####...", "#.##...", "####...")

BY_HAND = [
    ("cut in two", mask("##.####"), mask("#######"), [1, 0]),
    ("no overlap", mask("##....."), mask(".....##"), [2, 0]),
    ("a chain of overlaps", mask("###.###"), mask("..###.#"), [2, 0]),
    ("one for two", mask("#######"), mask("#..#..#"), [2, 0]),
    ("rings around the same hole", RING, THICK_RING, [0, 0]),
    ("rings around different holes", RING, OTHER_RING, [0, 2]),
    ("broken ring", RING, mask("###....", "#......", "###...."), [0, 1]),
    ("filled ring", RING, mask("###....", "###....", "###...."), [0, 1]),
]


@pytest.mark.parametrize(("prediction", "reference", "expected"), [c[1:] for c in BY_HAND], ids=[c[0] for c in BY_HAND])
def test_errors_by_hand(prediction: torch.Tensor, reference: torch.Tensor, expected: list[float]) -> None:
    assert errors(prediction, reference) == errors(reference, prediction) == expected
    for axes in ([2], [3], [2, 3]):
        assert errors(prediction.flip(axes), reference.flip(axes)) == expected


def test_cavities_are_matched_where_they_are() -> None:
    one, other = torch.ones(2, 1, 1, 3, 3, 5)
    one[..., 1, 1, 1] = other[..., 1, 1, 3] = 0
    assert errors(one, other) == [0, 0, 2]
    assert errors(one, one) == [0, 0, 0]


@every_shape
@every_construction
def test_components_are_matched_once_in_each_piece_of_the_union(shape: tuple[int, ...], construction: Any) -> None:
    y_pred, y = random_masks(shape, 1), random_masks(shape, 2)
    scores = per_dimension(y_pred, y, construction=construction)
    structure = ndimage.generate_binary_structure(len(shape) - 2, 1 if construction == "V" else len(shape) - 2)
    for b, c in np.ndindex(shape[:2]):
        prediction, reference = y_pred[b, c].numpy(), y[b, c].numpy()
        labels = ndimage.label(prediction | reference, structure)[0]
        matched = len(set(labels[prediction]) & set(labels[reference]))
        components = sum(ndimage.label(side, structure)[1] for side in (prediction, reference))
        assert scores[b, c, 0] == components - 2 * matched


@every_shape
@every_construction
def test_errors_lie_between_the_difference_and_the_sum(shape: tuple[int, ...], construction: Any) -> None:
    y_pred, y = random_masks(shape, 3, 0.6), random_masks(shape, 4, 0.6)
    scores = per_dimension(y_pred, y, construction=construction)
    predicted, expected = (compute_betti_numbers(side, construction) for side in (y_pred, y))
    assert ((predicted - expected).abs() <= scores).all()
    assert (scores <= predicted + expected).all()
    assert not compute_betti_matching_error(y, y, construction=construction).any()


@every_shape
def test_against_an_empty_mask_the_betti_numbers_count(shape: tuple[int, ...]) -> None:
    masks, empty = random_masks(shape, 5), torch.zeros(shape)
    expected = compute_betti_numbers(masks).float()
    assert torch.equal(per_dimension(empty, masks), expected)
    assert torch.equal(per_dimension(masks, empty), expected)


def test_scores_by_hand() -> None:
    scores = scores_per_dimension(mask("#.#.#.#"), mask("#.#...."))
    assert scores.error.tolist() == [[[2, 0]]]
    assert scores.precision.tolist() == [[[0.5, 1]]]
    assert scores.recall.tolist() == [[[1, 1]]]
    torch.testing.assert_close(scores.f1, torch.tensor([[[2 / 3, 1.0]]]))


@pytest.mark.parametrize("shape", [(1, 1, 4, 5), (1, 1, 3, 4, 5)])
def test_degenerate_masks(shape: tuple[int, ...]) -> None:
    empty, full, voxel = torch.zeros(shape), torch.ones(shape), torch.zeros(shape)
    voxel[(0, 0, *[1] * (len(shape) - 2))] = 1
    for same in (empty, full, voxel):
        scores = scores_per_dimension(same, same)
        assert not scores.error.any()
        assert all((share == 1).all() for share in scores[1:])
    for prediction, reference in ((empty, full), (full, empty), (empty, voxel)):
        scores = scores_per_dimension(prediction, reference)
        assert scores.error.flatten().tolist() == [1, *[0] * (len(shape) - 3)]
        assert [share[0, 0, 0] for share in scores[1:]] == [0, 0, 0]
    assert not compute_betti_matching_error(voxel, full).any()


def test_construction_decides_about_diagonal_neighbours() -> None:
    diagonal, joined = mask("#..", ".#."), mask("##.", ".#.")
    assert errors(diagonal, joined, construction="T") == [0, 0]
    assert errors(diagonal, joined, construction="V") == [1, 0]


def test_the_background_channel_can_be_left_out() -> None:
    y_pred, y = random_masks((2, 3, 5, 7), 6), random_masks((2, 3, 5, 7), 7)
    foreground = compute_betti_matching_error(y_pred, y, include_background=False)
    assert torch.equal(foreground, compute_betti_matching_error(y_pred, y)[:, 1:])


def test_the_metric_gathers_batches() -> None:
    y_pred, y = random_masks((4, 1, 6, 7), 8), random_masks((4, 1, 6, 7), 9)
    metric = BettiMatchingErrorMetric(get_not_nans=True)
    metric(y_pred[:1], y[:1])
    metric(y_pred[1:], y[1:])
    mean, not_nans = metric.aggregate()
    assert torch.allclose(mean, compute_betti_matching_error(y_pred, y).mean((0, 1)))
    assert not_nans.item() == 4


@pytest.mark.parametrize(
    ("y_pred", "y", "error", "message"),
    [
        (torch.ones(1, 1, 3, 4), torch.ones(1, 1, 4, 3), ValueError, "the shape .* of y_pred"),
        (torch.full((1, 1, 3, 4), 0.5), torch.ones(1, 1, 3, 4), ValueError, "y_pred: got values other than 0 and 1"),
        (np.ones((1, 1, 3, 4)), torch.ones(1, 1, 3, 4), TypeError, "y_pred: got ndarray"),
    ],
)
def test_bad_masks_are_refused(y_pred: Any, y: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        compute_betti_matching_error(y_pred, y)


def test_an_unknown_construction_is_refused() -> None:
    with pytest.raises(ValueError, match="construction: got 'X'"):
        BettiMatchingErrorMetric(construction="X")
