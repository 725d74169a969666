"""Comparison of masks: counts against linear algebra, errors against masks made by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from oracles.inclusion import kernel_and_cokernel
from segtopo.masks import betti_numbers, compare_masks
from segtopo.masks.components import connectivities, label_components

# Kinds of errors that add a feature to the prediction.
SURPLUS = {
    "missed_connection",
    "spurious_component",
    "spurious_loop",
    "spurious_cavity",
}  # kinds of features that the prediction has in excess

every_construction = pytest.mark.parametrize("construction", ["T", "V"])


def masks(max_side, ndim):
    shapes = npst.array_shapes(min_dims=ndim, max_dims=ndim, max_side=max_side)
    return shapes.flatmap(lambda shape: st.tuples(*[npst.arrays(bool, shape)] * 2))


MASKS = masks(7, 2) | masks(4, 3)


def canvas(*shape):
    return np.zeros(shape, bool)


def found(prediction, reference, construction="T"):
    errors = compare_masks(prediction, reference, construction).errors
    return [(error.kind, error.dimension, error.region_size) for error in errors]


@every_construction
@given(pair=MASKS)
def test_counts_are_those_of_the_inclusion_in_homology(construction, pair):
    prediction, reference = pair
    comparison = compare_masks(prediction, reference, construction)
    kernel, cokernel = kernel_and_cokernel(prediction & reference, prediction | reference, construction)
    assert (list(comparison.kernel), list(comparison.cokernel)) == (kernel, cokernel)


@every_construction
@given(pair=MASKS)
def test_errors_sum_to_the_difference_of_betti_numbers_and_lie_where_the_masks_differ(construction, pair):
    prediction, reference = pair
    comparison = compare_masks(prediction, reference, construction)
    surplus = [0] * prediction.ndim
    for error in comparison.errors:
        surplus[error.dimension] += 1 if error.kind in SURPLUS else -1
    betti = [betti_numbers(mask, construction) for mask in pair]
    assert surplus == [p - r for p, r in zip(*betti, strict=True)]
    for error in comparison.errors:
        assert prediction[error.voxel] != reference[error.voxel]
        side = prediction & ~reference if prediction[error.voxel] else reference & ~prediction
        assert 1 <= error.region_size <= side.sum()


@every_construction
@given(pair=MASKS)
def test_exchanging_the_masks_exchanges_missed_and_spurious(construction, pair):
    opposite = {
        "missed_connection": "false_connection",
        "missed_component": "spurious_component",
        "missed_loop": "spurious_loop",
        "missed_cavity": "spurious_cavity",
    }
    opposite |= {other: kind for kind, other in opposite.items()}
    one, other = compare_masks(*pair, construction), compare_masks(*pair[::-1], construction)
    assert (one.kernel, one.cokernel) == (other.kernel, other.cokernel)
    assert [opposite[e.kind] for e in one.errors] == [e.kind for e in other.errors]
    assert [(e.voxel, e.region_size) for e in one.errors] == [(e.voxel, e.region_size) for e in other.errors]


def test_exchanging_masks_full_of_loops_keeps_the_voxels_of_the_errors():
    rng = np.random.default_rng(5)
    for _ in range(12):
        pair = rng.random((2, 12, 13, 11)) < rng.uniform(0.2, 0.35)
        one, other = compare_masks(*pair), compare_masks(*pair[::-1])
        assert sum(error.dimension == 1 for error in one.errors) > 20
        assert [(e.dimension, e.voxel) for e in one.errors] == [(e.dimension, e.voxel) for e in other.errors]


@every_construction
@given(pair=MASKS, data=st.data())
def test_turning_and_mirroring_keeps_the_counts(construction, pair, data):
    ndim = pair[0].ndim
    axes, flipped = data.draw(st.permutations(range(ndim))), data.draw(st.sets(st.sampled_from(range(ndim))))
    turned = [np.flip(mask.transpose(axes), tuple(flipped)) for mask in pair]
    one, other = compare_masks(*pair, construction), compare_masks(*turned, construction)
    assert (one.kernel, one.cokernel) == (other.kernel, other.cokernel)


@every_construction
@given(pair=MASKS)
def test_a_perfect_prediction_has_no_errors(construction, pair):
    assert compare_masks(pair[0], pair[0], construction).errors == ()


@every_construction
@pytest.mark.parametrize("shape", [(90, 110), (15, 18, 21)])
def test_a_mask_inside_another_is_joined_once_for_each_component_in_excess(construction, shape):
    rng = np.random.default_rng(4)
    inner = rng.random(shape) < (0.1 if construction == "T" else 0.3)
    outer = inner | (rng.random(shape) < 0.2)
    connectivity, _ = connectivities(construction, len(shape))
    inside, (around, _) = label_components(inner, connectivity)[1], label_components(outer, connectivity)
    joins = [error for error in compare_masks(inner, outer, construction).errors if error.kind == "missed_connection"]
    assert len(joins) == inside - len(np.unique(around[inner])) > 50
    assert all(outer[error.voxel] and not inner[error.voxel] for error in joins)
    swapped = compare_masks(outer, inner, construction).errors
    assert sum(error.kind == "false_connection" for error in swapped) == len(joins)


@every_construction
def test_a_cut_and_a_bridge(construction):
    vessel, cut = canvas(5, 9), canvas(5, 9)
    vessel[2] = cut[2] = True
    cut[2, 4:7] = False
    assert found(cut, vessel, construction) == [("missed_connection", 0, 3)]
    assert found(vessel, cut, construction) == [("false_connection", 0, 3)]
    (error,) = compare_masks(cut, vessel, construction).errors
    assert error.voxel in {(2, 4), (2, 5), (2, 6)}


@every_construction
def test_components_of_one_mask_alone(construction):
    reference, prediction = canvas(6, 11), canvas(6, 11)
    reference[1:3, 1:3] = prediction[1:3, 1:3] = True
    prediction[1:4, 7:10] = True
    assert found(prediction, reference, construction) == [("spurious_component", 0, 9)]
    assert found(reference, prediction, construction) == [("missed_component", 0, 9)]


@every_construction
def test_rings_filled_broken_and_closed(construction):
    ring, disk, broken = canvas(7, 8), canvas(7, 8), canvas(7, 8)
    disk[1:6, 1:7] = ring[1:6, 1:7] = broken[1:6, 1:7] = True
    ring[2:5, 2:6] = broken[2:5, 2:6] = False
    broken[3, 1] = False
    assert found(disk, ring, construction) == [("missed_loop", 1, 12)]
    assert found(ring, disk, construction) == [("spurious_loop", 1, 12)]
    assert found(broken, ring, construction) == [("missed_loop", 1, 1)]
    assert found(ring, broken, construction) == [("spurious_loop", 1, 1)]


@every_construction
def test_a_loop_is_closed_at_the_gap_and_not_where_a_wall_is_displaced(construction):
    reference, prediction = canvas(16, 20), canvas(16, 20)
    reference[2:12, 2:18], reference[4:10, 4:16] = True, False
    prediction[2:15, 2:18], prediction[4:13, 4:16] = True, False
    reference[6:8, 16:18] = False
    for masks, kind in ((prediction, reference), "spurious_loop"), ((reference, prediction), "missed_loop"):
        (error,) = compare_masks(*masks, construction).errors
        assert (error.kind, error.region_size) == (kind, 4)
        assert error.voxel in {(6, 16), (6, 17), (7, 16), (7, 17)}


@every_construction
def test_a_hole_in_another_place_is_two_errors(construction):
    left, right = canvas(5, 12), canvas(5, 12)
    left[:], right[:] = True, True
    left[2, 2:4] = right[2, 8:10] = False
    assert sorted(found(left, right, construction)) == [("missed_loop", 1, 2), ("spurious_loop", 1, 2)]


@every_construction
def test_a_torus_a_solid_and_a_shell_with_a_hole(construction):
    solid, torus, shell, open_shell = (canvas(7, 8, 9) for _ in range(4))
    for mask in (solid, torus, shell, open_shell):
        mask[1:6, 1:7, 1:8] = True
    torus[1:6, 3:5, 3:6] = False
    shell[2:5, 2:6, 2:7] = open_shell[2:5, 2:6, 2:7] = False
    open_shell[1, 3, 4] = False
    assert found(solid, torus, construction) == [("missed_loop", 1, 30)]
    assert found(torus, solid, construction) == [("spurious_loop", 1, 30)]
    assert found(solid, shell, construction) == [("missed_cavity", 2, 60)]
    assert found(shell, solid, construction) == [("spurious_cavity", 2, 60)]
    assert found(open_shell, shell, construction) == [("missed_cavity", 2, 1)]


def test_diagonal_neighbours_are_connected_under_t_alone():
    reference, prediction = np.eye(4, dtype=bool), np.eye(4, dtype=bool)
    reference[1, 2] = True
    assert found(prediction, reference, "T") == []
    assert found(prediction, reference, "V") == [("missed_connection", 0, 1)]


@every_construction
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (4, 5), (1, 1, 1), (3, 1, 5)])
def test_empty_and_full_masks(construction, shape):
    empty, full = np.zeros(shape), np.ones(shape)
    assert found(empty, empty, construction) == found(full, full, construction) == []
    assert found(empty, full, construction) == [("missed_component", 0, full.size)]
    assert found(full, empty, construction) == [("spurious_component", 0, full.size)]


def test_a_volume_far_from_the_corner_has_its_own_coordinates():
    vessel, cut = canvas(20, 30, 40), canvas(20, 30, 40)
    vessel[15, 22, 5:38] = cut[15, 22, 5:38] = True
    cut[15, 22, 30] = False
    assert compare_masks(torch.from_numpy(cut).to(torch.uint8), vessel).errors[0].voxel == (15, 22, 30)


def test_read_only_masks_of_any_memory_order_are_compared():
    rng = np.random.default_rng(8)
    pair = rng.random((2, 6, 7, 8)) < 0.3
    expected = compare_masks(*pair)
    fortran = [np.asfortranarray(mask) for mask in pair]
    for mask in (*pair, *fortran):
        mask.flags.writeable = False
    assert compare_masks(*pair) == compare_masks(*fortran) == expected


@pytest.mark.parametrize(
    ("prediction", "reference", "message"),
    [
        (np.ones((3, 4)), np.ones((4, 3)), r"reference: got shape \(4, 3\), expected the shape \(3, 4\) of prediction"),
        (np.full((3, 4), 0.5), np.ones((3, 4)), "prediction: got values other than 0 and 1"),
        (np.ones((3, 4)), np.full((3, 4), np.nan), "reference: got values other than 0 and 1"),
        (np.ones(4), np.ones(4), r"prediction: got 1 dimensions \(shape \(4,\)\)"),
        (np.ones((0, 4)), np.ones((0, 4)), r"prediction: got the empty shape \(0, 4\)"),
    ],
)
def test_bad_masks_are_refused(prediction, reference, message):
    with pytest.raises(ValueError, match=message):
        compare_masks(prediction, reference)


def test_an_unknown_construction_is_refused():
    with pytest.raises(ValueError, match="construction: got 'X'"):
        compare_masks(np.ones((3, 4)), np.ones((3, 4)), "X")
