"""Betti matching: features matched by hand, what holds for every image, arguments of any kind and bad ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from segtopo.matching import BettiMatching, betti_matching
from segtopo.matching.betti_matching import match_barcodes
from segtopo.persistence import PersistencePairs, compute_persistence
from segtopo.persistence.cubical import voxels_at

every_construction = pytest.mark.parametrize("construction", ["T", "V"])
every_threshold = pytest.mark.parametrize("threshold", [None, 0.0, 0.4, 1.0])
every_shape = pytest.mark.parametrize("shape", [(6, 7), (3, 4, 5)])


def distinct_values(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Multiples of 1/1024 in (0, 1), no two the same."""
    return np.random.default_rng(seed).permutation(np.arange(1, 1024))[: np.prod(shape)].reshape(shape) / 1024


def mask(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(shape) < 0.4


def bars(pairs: PersistencePairs) -> list[tuple[float, ...]]:
    """Dimension, birth and death of each pair."""
    return list(zip(pairs.dimensions.tolist(), pairs.births.tolist(), pairs.deaths.tolist(), strict=True))


def endpoints(pairs: PersistencePairs) -> list[Any]:
    columns = (pairs.dimensions, pairs.birth_voxels, pairs.death_voxels)
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


def test_pieces_of_a_vessel_and_a_speck() -> None:
    prediction = np.array([[0.9, 0.2, 0.8, 0.1, 0.6]])
    matching = betti_matching(prediction, [[1, 1, 1, 0, 0]])
    assert [bars(side) for side in matching.matched] == [[(0, 0.9, -np.inf)], [(0, 1.0, -np.inf)]]
    assert bars(matching.unmatched_prediction) == [(0, 0.8, 0.2), (0, 0.6, 0.1)]
    assert len(matching.unmatched_target) == 0
    matching = betti_matching(prediction, [[1, 0, 1, 0, 1]])
    assert matching.partners.tolist() == [0, 1, 2]
    assert matching.matched[0].birth_voxels.tolist() == matching.matched[1].birth_voxels.tolist()


def test_components_are_matched_where_they_overlap() -> None:
    prediction = [[0.9, 0.0, 0.8, 0.0, 0.0, 0.0, 0.0]]
    target = [[1, 0, 0, 0, 1, 0, 1]]
    matching = betti_matching(prediction, target)
    assert bars(matching.unmatched_prediction) == [(0, 0.8, 0.0)]
    assert bars(matching.unmatched_target) == [(0, 1.0, 0.0)] * 2


@every_construction
def test_loops_are_matched_around_the_same_hole(construction: Any) -> None:
    target = np.ones((5, 9))
    target[1:4, 1:4] = target[1:4, 5:8] = 0
    prediction = np.full((5, 9), 0.9)
    prediction[1:4, 1:4], prediction[2, 6], prediction[4, 2] = 0.1, 0.2, 0.6
    prediction[2, 4] = 0.3
    matching = betti_matching(prediction, target, construction=construction)
    ours, theirs = (side.of_dimension(1) for side in matching.matched)
    assert sorted(bars(ours)) == [(1, 0.6, 0.1), (1, 0.9, 0.2)]
    assert bars(theirs) == [(1, 1.0, 0.0)] * 2
    without_right = target.copy()
    without_right[:, 4:] = 1
    matching = betti_matching(prediction, without_right, construction=construction)
    assert bars(matching.matched[0].of_dimension(1)) == [(1, 0.6, 0.1)]
    assert (1, 0.9, 0.2) in bars(matching.unmatched_prediction)


@every_construction
def test_cavities_are_matched(construction: Any) -> None:
    target, prediction = np.ones((3, 3, 7)), np.full((3, 3, 7), 0.8)
    target[1, 1, 1] = 0
    prediction[1, 1, 1], prediction[1, 1, 5] = 0.1, 0.3
    matching = betti_matching(prediction, target, construction=construction)
    assert bars(matching.matched[0].of_dimension(2)) == [(2, 0.8, 0.1)]
    assert bars(matching.unmatched_prediction.of_dimension(2)) == [(2, 0.8, 0.3)]


def test_a_threshold_parts_what_only_the_background_connects() -> None:
    prediction, target = np.array([[0.0, 0.0, 0.0, 0.9, 0.0]]), np.array([[1.0, 0.0, 0.0, 0.0, 0.0]])
    far = betti_matching(prediction, target)
    assert [bars(side) for side in far.matched] == [[(0, 0.9, -np.inf)], [(0, 1.0, -np.inf)]]
    near = betti_matching(prediction, target, threshold=0.5)
    matched = {(ours[1], theirs[1]) for ours, theirs in zip(*map(bars, near.matched), strict=True)}
    assert matched == {(0.9, 0.0), (0.0, 1.0)}
    for ours, theirs in zip(*(side.birth_voxels.tolist() for side in near.matched), strict=True):
        assert ours == theirs


@every_construction
def test_loops_that_a_threshold_leaves_open_are_essential(construction: Any) -> None:
    target = np.ones((3, 4))
    target[1, 1:3] = 0
    prediction = np.where(target == 1, 0.8, 0.1)
    matching = betti_matching(prediction, target, construction=construction, threshold=0.5)
    assert bars(matching.prediction) == [(0, 0.8, -np.inf), (1, 0.8, -np.inf)]
    assert bars(matching.target) == [(0, 1.0, -np.inf), (1, 1.0, -np.inf)]
    assert matching.partners.tolist() == [0, 1]


def test_a_threshold_can_leave_nothing() -> None:
    matching = betti_matching(np.full((4, 5), 0.3), np.zeros((4, 5)), threshold=0.5)
    assert len(matching.prediction) == len(matching.target) == len(matching.partners) == 0
    assert repr(matching) == "BettiMatching(matched=[0, 0], unmatched_prediction=[0, 0], unmatched_target=[0, 0])"


@every_shape
@every_construction
@pytest.mark.parametrize("filtration", ["superlevel", "sublevel"])
def test_pairs_are_those_of_each_image(shape: tuple[int, ...], construction: Any, filtration: Any) -> None:
    options = {"filtration": filtration, "construction": construction}
    prediction, target = distinct_values(shape, 0), distinct_values(shape, 1)
    matching = betti_matching(prediction, target, **options)
    assert endpoints(matching.prediction) == endpoints(compute_persistence(prediction, **options))
    assert endpoints(matching.target) == endpoints(compute_persistence(target, **options))
    binary = mask(shape, 2)
    pairs = betti_matching(prediction, binary, **options).target
    assert sorted(bars(pairs)) == sorted(bars(compute_persistence(binary, **options)))


def assert_one_to_one(matching: BettiMatching) -> None:
    ours, theirs = matching.matched
    assert len(ours) + len(matching.unmatched_prediction) == len(matching.prediction)
    assert len(theirs) + len(matching.unmatched_target) == len(matching.target)
    assert ours.dimensions.tolist() == theirs.dimensions.tolist()
    assert ours.essential.tolist() == theirs.essential.tolist()
    assert not matching.unmatched_prediction.essential.any()
    assert not matching.unmatched_target.essential.any()


@every_shape
@every_construction
@every_threshold
def test_partners_are_one_to_one_and_of_a_kind(shape: tuple[int, ...], construction: Any, threshold: Any) -> None:
    prediction = distinct_values(shape, 0)
    for target in (distinct_values(shape, 1), mask(shape, 2), np.zeros(shape), np.ones(shape)):
        assert_one_to_one(betti_matching(prediction, target, construction=construction, threshold=threshold))
    assert_one_to_one(betti_matching(mask(shape, 3), mask(shape, 4), construction=construction, threshold=threshold))


@every_shape
@every_construction
@every_threshold
def test_an_image_is_matched_with_itself(shape: tuple[int, ...], construction: Any, threshold: Any) -> None:
    for image in (distinct_values(shape, 0), mask(shape, 1), np.zeros(shape), np.ones(shape)):
        matching = betti_matching(image, image, construction=construction, threshold=threshold)
        assert matching.partners.tolist() == list(range(len(matching.prediction)))


@every_construction
@every_threshold
def test_sublevel_is_superlevel_of_the_complement(construction: Any, threshold: Any) -> None:
    prediction, target = distinct_values((6, 7), 0), distinct_values((6, 7), 1)
    one = betti_matching(prediction, target, construction=construction, threshold=threshold)
    options = {"construction": construction, "threshold": threshold, "filtration": "sublevel"}
    other = betti_matching(1 - prediction, 1 - target, **options)
    assert one.partners.tolist() == other.partners.tolist()
    assert endpoints(one.prediction) == endpoints(other.prediction)
    assert one.prediction.births.tolist() == (1 - other.prediction.births).tolist()


@every_construction
@every_threshold
def test_a_batch_is_its_images(construction: Any, threshold: Any) -> None:
    predictions = np.stack([distinct_values((4, 5), seed) for seed in range(4)])
    targets = np.stack([mask((4, 5), seed) for seed in range(4)]).astype(float)
    batches = [
        match_barcodes(predictions, targets, "superlevel", construction, threshold, threads) for threads in (1, 3, None)
    ]
    for batch in batches:
        for image, (prediction, target) in enumerate(zip(predictions, targets, strict=True)):
            alone = betti_matching(prediction, target, construction=construction, threshold=threshold)
            ours = batch.prediction.image == image
            birth_voxels = voxels_at(batch.prediction.birth_index[ours], prediction.shape)
            assert birth_voxels.tolist() == alone.prediction.birth_voxels.tolist()
            first = int((batch.target.image < image).sum())
            expected = np.where(alone.partners < 0, -1, alone.partners + first)
            assert batch.partners[ours].tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("prediction", "target", "dtype"),
    [
        (np.float32, np.float32, np.float32),
        (np.float16, np.float32, np.float32),
        (np.float32, np.float64, np.float64),
        (np.float32, np.uint8, np.float32),
        (bool, bool, np.float32),
        (torch.float32, torch.float32, np.float32),
        (torch.bfloat16, torch.float16, np.float32),
        (torch.float64, torch.bool, np.float64),
    ],
)
def test_images_of_any_kind(prediction: Any, target: Any, dtype: Any) -> None:
    image = mask((5, 6), 0).astype(np.float64)

    def cast(kind: Any) -> Any:
        return torch.from_numpy(image).to(kind) if isinstance(kind, torch.dtype) else image.astype(kind)

    matching = betti_matching(cast(prediction), cast(target))
    assert matching.prediction.births.dtype == matching.target.births.dtype == dtype
    assert bars(matching.prediction) == bars(betti_matching(image, image).prediction)


def test_any_memory_layout_and_tensors_that_require_gradients() -> None:
    prediction, target = distinct_values((6, 7), 0), mask((6, 7), 1)
    expected = betti_matching(prediction, target)
    turned = betti_matching(np.asfortranarray(prediction), np.flip(np.flip(target).copy()))
    assert turned.partners.tolist() == expected.partners.tolist()
    tensor = torch.from_numpy(prediction).requires_grad_()
    assert betti_matching(tensor, torch.from_numpy(target)).partners.tolist() == expected.partners.tolist()


NAN = np.full((3, 4), np.nan)
ONES = np.ones((3, 4))


@pytest.mark.parametrize(
    ("prediction", "target", "options", "message"),
    [
        (ONES, np.ones((4, 3)), {}, r"target: got shape \(4, 3\), expected the prediction's shape \(3, 4\)"),
        (ONES[0], ONES[0], {}, "prediction: got 1 dimensions"),
        (ONES[:0], ONES[:0], {}, r"prediction: got the empty shape \(0, 4\)"),
        (ONES, 255 * ONES, {}, "target: got values from 255 to 255, expected 0 to 1"),
        (ONES, ONES - 1.5, {}, "target: got values from -0.5 to -0.5, expected 0 to 1"),
        (NAN, ONES, {}, r"^prediction: got 12 NaN, the first at \(0, 0\), expected numbers$"),
        (ONES, np.where(np.eye(3, 4, 1), NAN, ONES), {}, r"^target: got 3 NaN, the first at \(0, 1\)"),
        (NAN, NAN, {}, "prediction: got 12 NaN.*; target: got 12 NaN"),
        (ONES, ONES, {"filtration": "up"}, "filtration: got 'up'"),
        (ONES, ONES, {"construction": "X"}, "construction: got 'X'"),
        (ONES, ONES, {"threshold": 1.5}, "threshold: got 1.5, expected a number from 0 to 1, or None"),
        (ONES, ONES, {"threshold": float("nan")}, "threshold: got nan"),
        (ONES, ONES, {"num_threads": 0}, "num_threads: got 0"),
    ],
)
def test_bad_arguments(prediction: Any, target: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        betti_matching(prediction, target, **options)


def test_complex_images_are_refused() -> None:
    with pytest.raises(TypeError, match="target: got dtype complex128"):
        betti_matching(ONES, ONES * 1j)
