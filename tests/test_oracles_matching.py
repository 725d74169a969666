"""The oracle of Betti matching judged by the oracles of persistence and of inclusions, and by hand."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from scipy import ndimage

from oracles.betti import betti_numbers
from oracles.images import random_shape
from oracles.inclusion import kernel_and_cokernel
from oracles.induced_matching import (
    FilteredComplex,
    coreduction,
    enter_cells,
    filtered_complexes,
    image_killers,
    induced_matching,
)
from oracles.naive_persistence import Bar, boundary, dimension, naive_persistence

FILTRATIONS = ("superlevel", "sublevel")
every_construction = pytest.mark.parametrize("construction", ["V", "T"])
every_filtration = pytest.mark.parametrize("filtration", FILTRATIONS)


def tied_pairs(seed, count=12):
    """Predictions and targets of few values; every other pair of targets are masks."""
    rng = np.random.default_rng(seed)
    for i in range(count):
        shape = random_shape(rng, 2 + i % 2)
        prediction, target = rng.integers(0, 5, (2, *shape)) / 4
        yield prediction, target if i % 4 < 2 else np.round(target)


def multisets(per_dimension):
    return [Counter(found) for found in per_dimension]


def assert_same_matching(one, other):
    for field in ("prediction", "target", "matched"):
        assert multisets(getattr(one, field)) == multisets(getattr(other, field))


def picture(*rows):
    return np.array([[float(c == "#") for c in row] for row in rows])


def diagram(found):
    return sorted((bar.birth, bar.death) for bar in found)


@every_construction
@every_filtration
def test_bars_of_the_prediction_are_those_of_naive_persistence(filtration, construction):
    for prediction, target in tied_pairs(1):
        found = induced_matching(prediction, target, filtration, construction).prediction
        assert multisets(found) == multisets(naive_persistence(prediction, filtration, construction))


@every_construction
@every_filtration
def test_bars_of_the_target_are_those_of_naive_persistence_with_ties_broken_by_the_prediction(filtration, construction):
    for prediction, target in tied_pairs(2):
        found = induced_matching(prediction, target, filtration, construction).target
        sign = -1 if filtration == "superlevel" else 1
        place = np.empty(target.size)
        place[np.lexsort((sign * prediction.ravel(), sign * target.ravel()))] = np.arange(target.size)
        expected = [
            Counter(with_values_of(target, bar, sign) for bar in of_k)
            for of_k in naive_persistence(place.reshape(target.shape), "sublevel", construction)
        ]
        assert multisets(found) == [
            Counter({bar: n for bar, n in of_k.items() if bar.birth != bar.death}) for of_k in expected
        ]


def with_values_of(image, bar, sign):
    death = sign * math.inf if bar.essential else image[bar.death_voxel]
    return bar._replace(birth=image[bar.birth_voxel], death=death)


@every_construction
@pytest.mark.parametrize("threshold", [None, 0.5])
def test_faces_enter_before_the_cells_they_bound(construction, threshold):
    for filtration, (prediction, target) in itertools.product(FILTRATIONS, tied_pairs(3)):
        for one in filtered_complexes(prediction, target, filtration, construction, threshold):
            place = {cell: i for i, cell in enumerate(one.setters)}
            assert all(place[face] < place[cell] for cell in place for face in boundary(cell))
            values = [one.value(cell) for cell in one.setters]
            assert values == sorted(values)


@every_construction
@every_filtration
def test_union_with_a_mask_is_filtered_as_the_mask(filtration, construction):
    for prediction, target in tied_pairs(13):
        _, of_target, union = filtered_complexes(prediction, np.round(target), filtration, construction)
        assert list(of_target.setters.items()) == list(union.setters.items())


def test_coreduction_takes_the_cells_of_a_star_as_by_hand():
    # The voxel, its edges up, left and right, and the square between up and left: left has the least code of the edges.
    star = [(0, 0), (-1, 0), (0, -1), (0, 1), (-1, -1)]
    assert coreduction(star) == [(0, 0), (0, -1), (-1, 0), (-1, -1), (0, 1)]
    assert coreduction([(0, 0)]) == [(0, 0)]


def test_order_under_t_is_the_reversed_order_under_v_of_the_mirrored_negative_in_a_frame():
    rng = np.random.default_rng(4)
    for i in range(10):
        image = rng.integers(0, 4, random_shape(rng, 2 + i % 2))
        dual = np.pad(-image[(slice(None, None, -1),) * image.ndim], 1, constant_values=-9)
        ours, theirs = (
            enter_cells(np.argsort(x.ravel(), kind="stable").tolist(), x.shape, construction)
            for x, construction in ((image, "T"), (dual, "V"))
        )
        mirrored = [tuple(2 * n + 1 - c for c, n in zip(cell, image.shape, strict=True)) for cell in ours]
        inside = [cell for cell, setter in theirs.items() if dual.flat[setter] != -9]
        assert mirrored[::-1] == inside


@every_construction
@pytest.mark.parametrize("threshold", [None, 0.5])
def test_image_bars_have_the_ranks_of_the_inclusions(construction, threshold):
    for prediction, target in tied_pairs(5, count=8):
        *sides, union = filtered_complexes(prediction, target, "sublevel", construction, threshold)
        lower = np.minimum(prediction, target)
        kept = lower <= (math.inf if threshold is None else threshold)
        for image, side in zip((prediction, target), sides, strict=True):
            killers = image_killers(side, union, coned=threshold is not None)
            for level in np.unique(image):
                smaller, larger = kept & (image <= level), kept & (lower <= level)
                kernel, _ = kernel_and_cokernel(smaller, larger, construction)
                rank = np.subtract(betti_numbers(smaller, construction), kernel)
                assert rank.tolist() == alive(killers, side, union, level, image.ndim)


def alive(killers, side: FilteredComplex, union: FilteredComplex, level, ndim):
    """How many image bars of every dimension live at a level."""
    born = {birth: killer for birth, killer in killers.items() if side.value(birth) <= level}
    lasting = [b for b, killer in born.items() if killer.in_cone or union.value(killer.cell) > level]
    return [sum(dimension(birth) == k for birth in lasting) for k in range(ndim)]


@every_construction
@every_filtration
@pytest.mark.parametrize("threshold", [None, 0.5])
def test_perfect_prediction_matches_every_bar_with_itself(filtration, construction, threshold):
    for image, _ in tied_pairs(6):
        found = induced_matching(image, image, filtration, construction, threshold)
        assert multisets(found.prediction) == multisets(found.target)
        assert multisets(found.matched) == [Counter((bar, bar) for bar in of_k) for of_k in found.prediction]


@every_construction
@every_filtration
@pytest.mark.parametrize("threshold", [None, 0.5])
def test_matching_is_one_to_one_between_bars_that_overlap(filtration, construction, threshold):
    sign = -1 if filtration == "superlevel" else 1
    for prediction, target in tied_pairs(7):
        found = induced_matching(prediction, target, filtration, construction, threshold)
        for k, matched in enumerate(found.matched):
            assert Counter(p for p, _ in matched) <= Counter(found.prediction[k])
            assert Counter(g for _, g in matched) <= Counter(found.target[k])
            for p, g in matched:
                assert p.dimension == g.dimension == k
                assert max(sign * p.birth, sign * g.birth) < min(sign * p.death, sign * g.death)


@every_construction
@every_filtration
@pytest.mark.parametrize("threshold", [None, 0.7])
def test_exchanging_images_of_distinct_values_exchanges_the_sides(filtration, construction, threshold):
    rng = np.random.default_rng(8)
    for i in range(12):
        shape = random_shape(rng, 2 + i % 2)
        pair = rng.permutation(2 * math.prod(shape)).reshape(2, *shape) / (2 * math.prod(shape))
        one, other = (induced_matching(*images, filtration, construction, threshold) for images in (pair, pair[::-1]))
        assert multisets(one.prediction) == multisets(other.target)
        assert multisets(one.target) == multisets(other.prediction)
        assert multisets(one.matched) == [Counter((p, g) for g, p in of_k) for of_k in other.matched]


@every_construction
@every_filtration
def test_threshold_that_keeps_every_voxel_changes_nothing(filtration, construction):
    for prediction, target in tied_pairs(9):
        whole = induced_matching(prediction, target, filtration, construction)
        assert_same_matching(induced_matching(prediction, target, filtration, construction, 1.0), whole)


@every_construction
@every_filtration
def test_threshold_that_keeps_no_voxel_leaves_no_bars(filtration, construction):
    for prediction, target in tied_pairs(10, count=2):
        found = induced_matching(prediction, target, filtration, construction, -0.5)
        assert not any(map(any, (found.prediction, found.target, found.matched)))


@every_construction
@every_filtration
def test_essential_bars_below_a_threshold_are_the_homology_of_the_union_and_all_match(filtration, construction):
    for prediction, target in tied_pairs(11):
        found = induced_matching(prediction, target, filtration, construction, 0.25)
        kept = np.minimum(prediction, target) <= 0.25
        if filtration == "superlevel":
            kept = 1 - np.maximum(prediction, target) <= 0.25
        betti = list(betti_numbers(kept, construction))
        for bars in (found.prediction, found.target):
            assert [sum(bar.essential for bar in of_k) for of_k in bars] == betti
        assert [sum(p.essential and g.essential for p, g in of_k) for of_k in found.matched] == betti


@every_construction
def test_matched_components_of_masks_are_the_components_of_the_union_that_meet_both(construction):
    """Components of the union that meet one mask alone match too, with a bar born only at the level of the other."""
    rng = np.random.default_rng(12)
    for i in range(30):
        prediction, target = rng.random((2, *random_shape(rng, 2 + i % 2))) < 0.35
        found = induced_matching(*(1.0 * mask for mask in (prediction, target)), "superlevel", construction, 0.5)
        neighbours = ndimage.generate_binary_structure(prediction.ndim, 1 if construction == "V" else prediction.ndim)
        label, _ = ndimage.label(prediction | target, neighbours)
        met = [(label[p.birth_voxel], label[g.birth_voxel]) for p, g in found.matched[0] if p.birth == g.birth == 1]
        meet_both = set(label[prediction]) & set(label[target])
        assert sorted(met) == [(component, component) for component in sorted(meet_both)]


VESSEL = picture(".......", "#######", ".......")
GAP = picture(".......", "###.###", ".......")


@pytest.mark.parametrize(("construction", "joining"), [("T", (0, 3)), ("V", (0, 4))])
def test_gap_in_a_vessel_leaves_the_piece_unmatched(construction, joining):
    """Zeros enter row by row, so the pieces join in the row above, by a corner under T, by a face under V."""
    found = induced_matching(GAP, VESSEL, "superlevel", construction)
    whole = Bar(0, 1, -math.inf, (1, 0), (-1, -1))
    piece = Bar(0, 1, 0, (1, 4), joining)
    assert multisets(found.prediction) == [Counter([whole, piece]), Counter()]
    assert found.target == [[whole], []]
    assert found.matched == [[(whole, whole)], []]


@every_construction
def test_gap_in_a_vessel_below_a_threshold_closes_at_the_gap(construction):
    found = induced_matching(GAP, VESSEL, "superlevel", construction, 0.5)
    whole = Bar(0, 1, -math.inf, (1, 0), (-1, -1))
    assert multisets(found.prediction) == [Counter([whole, Bar(0, 1, 0, (1, 4), (1, 3))]), Counter()]
    assert found.target == [[whole], []]
    assert found.matched == [[(whole, whole)], []]


@every_construction
def test_loop_elsewhere_is_unmatched(construction):
    target = picture(".........", ".###.....", ".#.#.....", ".###.....", ".........")
    found = induced_matching(target[:, ::-1], target, "superlevel", construction)
    assert diagram(found.prediction[1]) == diagram(found.target[1]) == [(1, 0)]
    assert [bar.death_voxel for bar in (*found.prediction[1], *found.target[1])] == [(2, 6), (2, 2)]
    assert [len(of_k) for of_k in found.matched] == [1, 0]


@every_construction
def test_loop_around_the_same_hole_is_matched(construction):
    target = picture(".....", ".###.", ".#.#.", ".###.", ".....")
    prediction = 0.75 * picture("#####", "#...#", "#...#", "#...#", "#####")
    found = induced_matching(prediction, target, "superlevel", construction)
    assert [(p.birth, p.death, g.birth, g.death) for p, g in found.matched[1]] == [(0.75, 0, 1, 0)]


@every_construction
def test_loop_filled_in_by_the_prediction_is_unmatched(construction):
    target = picture(".....", ".###.", ".#.#.", ".###.", ".....")
    prediction = picture(".....", ".###.", ".###.", ".###.", ".....")
    found = induced_matching(prediction, target, "superlevel", construction)
    assert found.prediction[1] == []
    assert diagram(found.target[1]) == [(1, 0)]
    assert found.matched[1] == []


@every_construction
def test_spurious_component_is_unmatched(construction):
    spot = np.vstack([VESSEL, picture("..#....", ".......")])
    target = np.vstack([VESSEL, picture(".......", ".......")])
    found = induced_matching(0.75 * spot, target, "superlevel", construction)
    whole, piece = (0.75, -math.inf), (0.75, 0)
    assert diagram(found.prediction[0]) == [whole, piece]
    assert diagram(found.target[0]) == [(1, -math.inf)]
    assert [(p.birth, g.birth, p.birth_voxel) for p, g in found.matched[0]] == [(0.75, 1, (1, 0))]


@every_construction
def test_spurious_component_below_a_threshold_matches_one_born_where_the_target_ends(construction):
    target = np.vstack([VESSEL, picture(".......", ".......")])
    spot = target + np.vstack([0 * VESSEL, picture(".......", "..#....")])
    found = induced_matching(spot, target, "superlevel", construction, 0.5)
    assert sorted((p.birth, g.birth, p.birth_voxel, p.essential and g.essential) for p, g in found.matched[0]) == [
        (1, 0, (4, 2), True),
        (1, 1, (1, 0), True),
    ]
