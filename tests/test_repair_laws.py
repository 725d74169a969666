"""Laws of repair on small random maps: which pieces become one, which numbers are met, and that edits can be undone."""

import numpy as np
import pytest
from scipy import ndimage

from oracles.repair_rules import rules_of
from segtopo.masks import betti_numbers
from segtopo.masks.components import Mask
from segtopo.persistence import Construction
from segtopo.repair import repair_mask


def random_map(rng: np.random.Generator, ndim: int) -> np.ndarray:
    """Noise, plateaus, or smooth probabilities on a small shape, also one voxel wide."""
    shape = tuple(rng.integers(1, 14 if ndim == 2 else 8, ndim))
    kind = rng.integers(3)
    noise = rng.random(shape, dtype=np.float32)
    return [noise, np.round(noise * 5) / 5, ndimage.gaussian_filter(noise, 0.8)][kind]


def components(mask: Mask, construction: Construction) -> tuple[np.ndarray, int]:
    labels, count = ndimage.label(
        mask, ndimage.generate_binary_structure(mask.ndim, mask.ndim if construction == "T" else 1)
    )
    return labels, count


@pytest.mark.parametrize("construction", ["T", "V"])
@pytest.mark.parametrize("ndim", [2, 3])
def test_pieces_become_one_exactly_if_they_are_connected_above_the_limit(ndim: int, construction: Construction) -> None:
    rng = np.random.default_rng(ndim)
    for _ in range(200):
        probability = random_map(rng, ndim)
        threshold, limit = (float(np.quantile(probability, q)) for q in (0.7, rng.choice([0, 0.2, 0.4])))
        rules = rules_of(threshold=threshold, connect_above=limit, construction=construction)
        before, repair = probability > threshold, repair_mask(probability, rules)
        level, _ = components(probability >= limit, construction)
        connected = np.unique(level[before])
        assert components(repair.mask, construction)[1] == len(connected)
        assert components(before, construction)[1] - len(repair.edits) == len(connected)


@pytest.mark.parametrize("construction", ["T", "V"])
@pytest.mark.parametrize("ndim", [2, 3])
def test_prescribed_betti_numbers_are_met_where_edits_can_meet_them(ndim: int, construction: Construction) -> None:
    rng = np.random.default_rng(10 + ndim)
    for _ in range(150):
        probability = random_map(rng, ndim)
        threshold = float(np.quantile(probability, rng.choice([0.3, 0.5, 0.7])))
        wanted = tuple(rng.integers(0, 3, ndim).tolist())
        rules = rules_of(
            threshold=threshold,
            connect_above=0.05,
            betti_numbers=(wanted[0], *[None] * (ndim - 1)),
            construction=construction,
        )
        one = betti_numbers(repair_mask(probability, rules).mask, construction)
        rules = rules_of(threshold=threshold, connect_above=0.05, betti_numbers=wanted, construction=construction)
        repair = repair_mask(probability, rules)
        numbers = betti_numbers(repair.mask, construction)
        assert numbers[0] == one[0] <= wanted[0]
        assert numbers[-1] == min(wanted[-1], one[-1]) or ndim == 3
        assert numbers[-1] <= wanted[-1]
        named = [
            f"The result has {n} {name}" for n, name in zip(numbers, ("components", "loops", "cavities"), strict=False)
        ]
        for sentence, number, goal in zip(named, numbers, wanted, strict=True):
            assert (number != goal) == any(remark.startswith(sentence) for remark in repair.remarks)


@pytest.mark.parametrize("ndim", [2, 3])
def test_without_all_edits_the_mask_is_the_one_before(ndim: int) -> None:
    rng = np.random.default_rng(20 + ndim)
    for _ in range(100):
        probability = random_map(rng, ndim)
        rules = rules_of(connect_above=0.1, min_piece_size=3, min_hole_size=3, betti_numbers=(1, *[0] * (ndim - 1)))
        repair = repair_mask(probability, rules)
        assert np.array_equal(repair.without(*repair.edits).mask, probability > 0.5)
        for edit in repair.edits:
            assert edit.size > 0 or edit.kind == "joined"
            assert probability[edit.voxel] == pytest.approx(edit.probability)


def test_a_join_must_cost_less_than_the_lighter_piece_weighs() -> None:
    probability = np.full((9, 30), 0.001, np.float32)
    probability[1:4, 1:12] = probability[1:4, 14:20] = (
        0.9  # the gap of two voxels costs 1, the shorter piece weighs 7.2
    )
    probability[7, 27] = 0.9  # weighs 0.4
    assert len(repair_mask(probability, rules_of(connect_above=0)).edits) == 2
    (edit,) = repair_mask(probability, rules_of(connect_above=0, max_path_cost=1)).edits
    assert edit.voxel[0] < 4
    assert repair_mask(probability, rules_of(connect_above=0, max_path_cost=0.1)).edits == ()
