"""Scores of partitions: against pairs of voxels, entropies and scikit-image."""

import numpy as np
import pytest
from skimage.metrics import adapted_rand_error, variation_of_information
from sklearn.metrics import adjusted_rand_score

from oracles import partitions
from oracles.images import vessel_mask
from oracles.mask_pairs import hostile_pairs, random_pair
from segtopo.evaluation.scores import MaskPair, compute_scores
from segtopo.masks.components import label_components

NAMES = ("adapted_rand_error", "vi_split", "vi_merge")


def scores_of(prediction: np.ndarray, reference: np.ndarray, construction: str = "T") -> tuple[float, ...]:
    pair = MaskPair(prediction, reference, (1.0,) * prediction.ndim, construction)
    return tuple(compute_scores(pair, ["partition"])[name] for name in NAMES)


@pytest.mark.parametrize("construction", ["T", "V"])
@pytest.mark.parametrize(
    "pair", [random_pair(seed, ndim)[:2] for seed in range(15) for ndim in (2, 3)] + [*hostile_pairs().values()]
)
def test_equals_pairs_of_voxels_and_entropies(pair: tuple[np.ndarray, np.ndarray], construction: str) -> None:
    known, predicted = partitions.parts_of_reference(*pair, construction)
    expected = (
        partitions.adapted_rand_error(known, predicted),
        partitions.conditional_entropy(predicted, given=known),
        partitions.conditional_entropy(known, given=predicted),
    )
    assert scores_of(*pair, construction) == pytest.approx(expected)


@pytest.mark.parametrize("shape", [(90, 71), (30, 25, 28)])
@pytest.mark.parametrize("construction", ["T", "V"])
def test_equals_scikit_image_whose_first_entropy_is_that_of_splits(shape: tuple[int, ...], construction: str) -> None:
    prediction, reference = vessel_mask(shape, 3, radius=1.2), vessel_mask(shape, 3, radius=1.6)
    prediction[np.random.default_rng(0).random(shape) < 0.1] = False
    connectivity = {("T", 2): 8, ("T", 3): 26, ("V", 2): 4, ("V", 3): 6}[construction, len(shape)]
    known, predicted = (
        label_components(mask, connectivity)[0][reference].astype(int) for mask in (reference, prediction)
    )
    predicted[predicted == 0] = predicted.max() + 1 + np.arange((predicted == 0).sum())
    expected = adapted_rand_error(known, predicted, ignore_labels=())[0], *variation_of_information(known, predicted)
    assert scores_of(prediction, reference, construction) == pytest.approx(expected)


@pytest.mark.parametrize("pair", [random_pair(seed, ndim)[:2] for seed in range(15) for ndim in (2, 3)])
def test_the_adjusted_index_is_that_of_scikit_learn(pair: tuple[np.ndarray, np.ndarray]) -> None:
    known, predicted = partitions.parts_of_reference(*pair, "T")
    numbers = {part: number for number, part in enumerate(dict.fromkeys(predicted))}
    expected = adjusted_rand_score(known, [numbers[part] for part in predicted])
    found = compute_scores(MaskPair(*pair, (1.0,) * pair[0].ndim), ["partition"])["adjusted_rand_index"]
    assert found == pytest.approx(expected)


def vessel() -> np.ndarray:
    mask = np.zeros((5, 20), bool)
    mask[2, 1:18] = True
    return mask


def test_a_gap_splits_and_a_bridge_merges() -> None:
    whole, broken = vessel(), vessel()
    broken[2, 9] = False
    split, merge = scores_of(broken, whole), scores_of(whole, broken)
    assert split[0] > 0
    assert split[1:] == pytest.approx((1 * 16 / 17 + np.log2(17) / 17 - 16 / 17 * np.log2(16 / 17), 0))
    assert merge[1:] == pytest.approx((0, 1))
    assert merge[0] == pytest.approx(1 - 2 * (2 * 8 * 7) / (2 * 8 * 7 + 16 * 15))


def test_a_prediction_beside_the_reference_is_wrong() -> None:
    beside = np.roll(vessel(), 2, axis=0)
    assert scores_of(beside, vessel()) == pytest.approx((1, np.log2(17), 0))
    assert scores_of(np.zeros_like(beside), vessel()) == pytest.approx((1, np.log2(17), 0))


def test_voxels_of_the_prediction_alone_do_not_count() -> None:
    more = vessel()
    more[0, :5] = more[4, 3:9] = True
    assert scores_of(more, vessel()) == (0, 0, 0)


def test_without_a_reference_nothing_can_be_split() -> None:
    assert scores_of(vessel(), np.zeros_like(vessel())) == pytest.approx((1, np.nan, np.nan), nan_ok=True)
