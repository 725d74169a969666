"""Scores of trees: branches of known number, and the formulas of ATM'22 and AIIB23."""

import numpy as np
import pytest
from scipy import ndimage

from oracles import tree_scores
from oracles.mask_pairs import hostile_pairs, random_pair
from segtopo.evaluation.scores import MaskPair, compute_scores
from segtopo.evaluation.scores.tree import branches_of
from segtopo.masks.skeletons import skeleton
from segtopo.phantoms import vessel_phantom

ENDINGS = "", "_largest"
NAMES = ("length_detected", "branches_detected", "leakage")


def scores_of(prediction: np.ndarray, reference: np.ndarray, construction: str = "T") -> dict[str, float]:
    return compute_scores(MaskPair(prediction, reference, (1.0,) * prediction.ndim, construction), ["tree"])


def drawing(*lines: tuple[tuple[int, int], tuple[int, int]], shape: tuple[int, int] = (41, 47)) -> np.ndarray:
    """Lines one pixel wide between pairs of pixels."""
    mask = np.zeros(shape, bool)
    for start, end in lines:
        steps = np.linspace(start, end, 1 + max(abs(np.subtract(start, end))))
        mask[tuple(np.round(steps).astype(int).T)] = True
    return mask


TUBE = drawing(((5, 20), (35, 20)))
TWO_TUBES = TUBE | drawing(((5, 30), (35, 30)))
Y = drawing(((5, 20), (18, 20)), ((18, 20), (35, 5)), ((18, 20), (35, 35)))
CROSS = drawing(((20, 3), (20, 40)), ((5, 20), (38, 20)))
LOOP = drawing(((5, 15), (15, 5)), ((15, 5), (25, 15)), ((25, 15), (15, 25)), ((15, 25), (5, 15)))
LOOP_WITH_TAIL = LOOP | drawing(((15, 25), (15, 40)))
SPUR = TUBE | drawing(((20, 20), (20, 23)))
SINGLE = drawing(((3, 3), (3, 3)))
SHAPES = {
    "tube": (TUBE, 1),
    "two tubes": (TWO_TUBES, 2),
    "Y": (Y, 3),
    "cross": (CROSS, 4),
    "loop": (LOOP, 1),
    "loop with a tail": (LOOP_WITH_TAIL, 2),
    "a spur of 3 voxels is no branch": (SPUR, 2),
    "a voxel": (SINGLE, 1),
    "a voxel beside a tube": (SINGLE | TUBE, 1),
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("ndim", [2, 3])
def test_branches_of_known_number(name: str, ndim: int) -> None:
    line, count = SHAPES[name]
    lines = line if ndim == 2 else np.stack([np.zeros_like(line), line, np.zeros_like(line)], axis=1)
    assert branches_of(lines).max() == len(tree_scores.branches(lines)) == count


@pytest.mark.parametrize("name", ["tube", "two tubes", "Y", "cross", "loop", "loop with a tail"])
@pytest.mark.parametrize("ndim", [2, 3])
def test_thick_tubes_have_the_branches_of_their_lines(name: str, ndim: int) -> None:
    line, count = SHAPES[name]
    thick = np.stack([line] * 3) if ndim == 3 else line
    thick = np.pad(ndimage.binary_dilation(thick, np.ones((1,) * (ndim - 2) + (3, 3))), 1)
    assert branches_of(skeleton(thick)).max() == count


def test_branches_do_not_depend_on_the_layout_in_memory() -> None:
    for lines in (Y, np.asfortranarray(Y), Y[::-1], Y.T):
        found = branches_of(lines)
        pieces = [{tuple(voxel) for voxel in np.argwhere(lines)[found == n].tolist()} for n in range(1, 4)]
        assert sorted(pieces, key=min) == tree_scores.branches(lines)


PHANTOMS = [
    vessel_phantom(shape, seed=seed, trees=2, loops=1).label
    for shape, seed in (((96, 128), 1), ((110, 70), 2), ((40, 52, 48), 3))
]


@pytest.mark.parametrize("reference", PHANTOMS, ids=lambda mask: "x".join(map(str, mask.shape)))
@pytest.mark.parametrize("construction", ["T", "V"])
def test_phantoms_equal_the_formulas(reference: np.ndarray, construction: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(3):
        prediction = reference | np.roll(reference, 1, axis=0)
        for _ in range(6):  # erase boxes
            start = rng.integers(np.subtract(reference.shape, 20))
            prediction[tuple(slice(i, i + 20) for i in start)] = False
        assert_equals_the_formulas(prediction, reference, construction)


@pytest.mark.parametrize("construction", ["T", "V"])
@pytest.mark.parametrize(
    "pair", [random_pair(seed, ndim)[:2] for seed in range(15) for ndim in (2, 3)] + [*hostile_pairs().values()]
)
def test_equals_the_formulas(pair: tuple[np.ndarray, np.ndarray], construction: str) -> None:
    assert_equals_the_formulas(*pair, construction)


def assert_equals_the_formulas(prediction: np.ndarray, reference: np.ndarray, construction: str) -> None:
    found = scores_of(prediction, reference, construction)
    centreline = skeleton(reference)
    for ending, mask in zip(
        ENDINGS, (prediction, tree_scores.largest_component(prediction, construction)), strict=True
    ):
        expected = (
            tree_scores.length_detected(centreline, mask),
            tree_scores.branches_detected(centreline, mask),
            tree_scores.leakage(mask, reference),
        )
        assert [found[f"{name}{ending}"] for name in NAMES] == pytest.approx(expected)
    assert found["length_precision"] == pytest.approx(tree_scores.length_detected(skeleton(prediction), reference))


def test_a_branch_is_detected_from_80_percent_on() -> None:
    tube = drawing(((0, 3), (99, 3)), shape=(103, 7))
    for voxels, detected in ((80, 1), (79, 0)):
        prediction = tube.copy()
        prediction[voxels:] = False
        found = scores_of(prediction, tube)
        assert (found["length_detected"], found["branches_detected"]) == (voxels / 100, detected)


def test_the_largest_component_loses_what_a_gap_cuts_off() -> None:
    prediction = Y.copy()
    prediction[22:24, 20:] = False  # cuts off one arm
    found = scores_of(prediction, Y)
    assert (found["branches_detected"], found["branches_detected_largest"]) == (1, pytest.approx(2 / 3))
    assert found["length_detected_largest"] < 0.8 < found["length_detected"] < 1


def test_leakage_is_relative_to_the_reference_and_may_exceed_one() -> None:
    reference = np.zeros((9, 30), bool)
    reference[4, 5:25] = True
    leaking = reference.copy()
    leaking[0, :10] = leaking[7:9] = True
    found = scores_of(leaking, reference)
    assert (found["leakage"], found["leakage_largest"]) == (70 / 20, 60 / 20)


def test_one_mask_alone() -> None:
    empty = np.zeros_like(Y)
    missed, false = scores_of(empty, Y), scores_of(Y, empty)
    assert [missed[f"{name}{ending}"] for ending in ENDINGS for name in NAMES] == [0] * 6
    assert [false[f"{name}{ending}"] for ending in ENDINGS for name in NAMES] == pytest.approx(
        [0, 0, np.nan] * 2, nan_ok=True
    )
    assert missed["length_precision"] == false["length_precision"] == 0
