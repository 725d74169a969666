"""Laws of the scores: symmetries, swapped masks, perfect predictions, empty masks."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from oracles.mask_pairs import hostile_pairs, random_pair
from segtopo.evaluation.scores import SCORE_GROUPS, MaskPair, Score, ScoreOptions, compute_scores, scores_of
from segtopo.persistence import Construction

GROUPS = tuple(SCORE_GROUPS)
THINNED = ("centreline", "tree")  # thinning removes voxels in an order that a flip changes
WITHOUT_THINNING = tuple(group for group in GROUPS if group not in THINNED)

seeds = st.integers(0, 2**32 - 1)
ndims = st.sampled_from([2, 3])
constructions = st.sampled_from(["T", "V"])


def all_scores(
    prediction: np.ndarray,
    reference: np.ndarray,
    spacing: tuple[float, ...],
    construction: Construction = "T",
    groups: tuple[str, ...] = GROUPS,
    patch_size: int = 64,
) -> dict[str, float]:
    options = ScoreOptions(patch_size=patch_size)
    return compute_scores(MaskPair(prediction, reference, spacing, construction, options=options), groups)


@given(seeds, ndims, constructions)
def test_axes_may_be_reversed_and_exchanged(seed: int, ndim: int, construction: Construction) -> None:
    prediction, reference, spacing = random_pair(seed, ndim)
    found = all_scores(prediction, reference, spacing, construction, WITHOUT_THINNING)
    flipped = [mask[(slice(None, None, -1),) * ndim] for mask in (prediction, reference)]
    turned = all_scores(*(mask.T for mask in flipped), spacing[::-1], construction, WITHOUT_THINNING)
    assert without_ties(turned) == pytest.approx(without_ties(found))


def without_ties(scores: dict[str, float]) -> dict[str, float]:
    """If loops or cavities can be matched in several ways, the order of the voxels decides."""
    return {
        name: value for name, value in scores.items() if "matching" not in name or name.startswith("betti_matching_0")
    }


def symmetric_pair(ndim: int) -> tuple[np.ndarray, np.ndarray]:
    """A cross and a longer, broken one; with all their reflections, and the same under exchanged axes."""
    reference, prediction = np.zeros((2, *(31,) * ndim), bool)
    for axis in range(ndim):
        line = tuple(slice(4, 27) if a == axis else 15 for a in range(ndim))
        reference[line] = prediction[line] = True
        for gap in (9, 21):
            prediction[tuple(gap if a == axis else 15 for a in range(ndim))] = False
    return prediction, ndimage.binary_dilation(reference)


@pytest.mark.parametrize("ndim", [2, 3])
def test_scores_of_centrelines_and_trees_follow_the_axes_of_symmetric_shapes(ndim: int) -> None:
    prediction, reference = symmetric_pair(ndim)
    spacing = (0.5, 2.0, 1.2)[:ndim]
    found = all_scores(prediction, reference, spacing, groups=THINNED)
    assert 0 < found["length_detected_largest"] < found["length_detected"] < 1
    turned = [mask.T[::-1] for mask in (prediction, reference)]
    assert all_scores(*turned, spacing[::-1], groups=THINNED) == pytest.approx(found)


SWAPPED = [
    ("precision", "recall"),
    ("cldice_precision", "cldice_sensitivity"),
    ("length_precision", "length_detected"),
    *((f"betti_matching_{k}_precision", f"betti_matching_{k}_recall") for k in range(3)),
    *((f"betti_{k}_prediction", f"betti_{k}_reference") for k in range(3)),
    ("euler_prediction", "euler_reference"),
]
SAME = ["dice", "iou", "hd95_mm", "assd_mm", "nsd", "cldice", "betti_error", "euler_error", "diu", "patch_betti_error"]


@given(seeds, ndims, constructions)
def test_exchanged_masks_exchange_precision_and_recall(seed: int, ndim: int, construction: Construction) -> None:
    prediction, reference, spacing = random_pair(seed, ndim)
    found = all_scores(prediction, reference, spacing, construction)
    other = all_scores(reference, prediction, spacing, construction)
    for name in SAME:
        assert other[name] == pytest.approx(found[name]), name
    for pair in SWAPPED:
        for name, partner in (pair, pair[::-1]):
            assert other.get(name) == found.get(partner), name
    assert found["length_detected"] == found["cldice_sensitivity"]
    assert found["length_precision"] == found["cldice_precision"]


PERFECT = [random_pair(seed, ndim)[1:] for seed in range(8) for ndim in (2, 3)] + [
    (masks[1], (0.5, 2.0, 1.2)[: masks[1].ndim]) for masks in hostile_pairs().values()
]


@pytest.mark.parametrize("construction", ["T", "V"])
@pytest.mark.parametrize(("mask", "spacing"), PERFECT)
def test_a_perfect_prediction_has_the_best_values(
    mask: np.ndarray, spacing: tuple[float, ...], construction: Construction
) -> None:
    found = all_scores(mask, mask, spacing, construction, patch_size=4)
    for score in scores_of(GROUPS, mask.ndim):
        if score.better and not score.name.endswith("_largest"):
            assert found[score.name] == pytest.approx(1 if score.better == "higher" else 0), score.name


NEED_A_REFERENCE = {"leakage", "leakage_largest", "vi_split", "vi_merge"}
MAY_EXCEED = {"adjusted_rand_index", "area_difference", "volume_difference"}


@given(seeds, ndims, constructions)
def test_the_worst_values_are_those_against_an_empty_mask_and_not_exceeded(
    seed: int, ndim: int, construction: Construction
) -> None:
    prediction, reference, spacing = random_pair(seed, ndim)
    empty = np.zeros_like(reference)
    found = all_scores(prediction, reference, spacing, construction)
    missed, false = (all_scores(*p, spacing, construction) for p in ((empty, reference), (prediction, empty)))
    for score in scores_of(GROUPS, ndim):
        worst = worst_of(score, reference.shape, spacing)
        if worst is None:
            assert not math.isnan(missed[score.name])
            assert math.isnan(false[score.name]) == (score.name in NEED_A_REFERENCE), score.name
            continue
        assert missed[score.name] == false[score.name] == pytest.approx(worst)
        if score.name not in MAY_EXCEED:
            assert found[score.name] >= worst if score.better == "higher" else found[score.name] <= worst, score.name


def worst_of(score: Score, shape: tuple[int, ...], spacing: tuple[float, ...]) -> float | None:
    return math.hypot(*np.multiply(shape, spacing)) if score.worst == "diagonal" else score.worst


@pytest.mark.parametrize("construction", ["T", "V"])
@pytest.mark.parametrize("shape", [(4, 7), (1, 9), (3, 4, 6)])
def test_against_an_empty_mask_errors_are_the_numbers_of_the_other(
    shape: tuple[int, ...], construction: Construction
) -> None:
    mask = np.random.default_rng(1).random(shape) < 0.7
    missed = all_scores(np.zeros(shape, bool), mask, (1.0,) * len(shape), construction)
    for k in range(len(shape)):
        number = missed[f"betti_{k}_reference"]
        assert missed[f"betti_{k}_error"] == missed[f"diu_{k}"] == missed[f"betti_matching_{k}_error"] == number
        assert missed[f"betti_matching_{k}_f1"] == (number == 0)
    assert missed["leakage"] == missed["leakage_largest"] == missed["vi_merge"] == 0
    assert missed["vi_split"] > 0


@pytest.mark.parametrize("shape", [(4, 7), (1, 9), (3, 4, 6)])
def test_two_empty_masks_have_no_scores(shape: tuple[int, ...]) -> None:
    found = all_scores(*np.zeros((2, *shape), bool), (1.0,) * len(shape))
    counts = {name for name, value in found.items() if value == 0}
    assert counts == {score.name for score in scores_of(GROUPS, len(shape)) if score.better is None}
    assert all(math.isnan(value) for name, value in found.items() if name not in counts)


def test_every_score_is_computed_under_its_name_and_in_its_order() -> None:
    for shape in ((4, 7), (3, 4, 6)):
        names = [score.name for score in scores_of(GROUPS, len(shape))]
        assert len(set(names)) == len(names)
        for masks in ((True, True), (True, False), (False, True), (False, False)):
            assert list(all_scores(*(np.full(shape, mask) for mask in masks), (1.0,) * len(shape))) == names
