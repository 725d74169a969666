"""The two ends of gaps and bridges: gaps made by hand, and a search through all voxels beside them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from segtopo.masks import TopologyError, compare_masks
from segtopo.masks.connection_ends import connection_ends


def connections(prediction: np.ndarray, reference: np.ndarray) -> list[TopologyError]:
    errors = compare_masks(prediction, reference).errors
    return [error for error in errors if error.kind in ("missed_connection", "false_connection")]


@pytest.mark.parametrize("shape", [(9, 30), (8, 9, 30)])
@pytest.mark.parametrize("gap", [1, 2, 7])
def test_the_ends_of_a_gap_and_of_a_bridge_face_each_other(shape: tuple[int, ...], gap: int) -> None:
    whole = np.zeros(shape, dtype=bool)
    whole[(slice(3, 6),) * (len(shape) - 1)] = True
    broken = whole.copy()
    broken[..., 10 : 10 + gap] = False
    for pair in (broken, whole), (whole, broken):
        (error,) = connections(*pair)
        assert error.ends is not None
        near, far = error.ends
        assert sorted([near[-1], far[-1]]) == [9, 10 + gap]
        assert near[:-1] == far[:-1]
        assert broken[near]
        assert broken[far]


def test_each_gap_of_a_vessel_has_its_own_ends() -> None:
    vessel = np.zeros((5, 60), dtype=bool)
    vessel[2] = True
    broken = vessel.copy()
    broken[:, [10, 11, 30, 45, 46, 47]] = False
    ends = {tuple(sorted(error.ends or ())) for error in connections(broken, vessel)}
    assert ends == {((2, 9), (2, 12)), ((2, 29), (2, 31)), ((2, 44), (2, 48))}


def test_a_region_along_a_thick_vessel_has_its_ends_at_the_gap() -> None:
    reference = np.zeros((12, 80), dtype=bool)
    reference[2:9] = True
    prediction = reference.copy()
    prediction[2] = prediction[:, 50:53] = False  # the missed region is the gap and a long strip beside the vessel
    (error,) = connections(prediction, reference)
    assert error.ends is not None
    assert sorted(column for _, column in error.ends) == [49, 53]


def test_other_errors_have_no_ends() -> None:
    reference, prediction = np.zeros((2, 12, 13), dtype=bool)
    reference[1:6, 1:6] = prediction[1:6, 1:6] = prediction[8:10, 8:10] = True
    reference[3, 3] = False
    errors = compare_masks(prediction, reference).errors
    assert [(error.kind, error.ends) for error in errors] == [("spurious_component", None), ("missed_loop", None)]


@given(seed=st.integers(0, 2**32 - 1), shape=st.sampled_from([(14, 17), (7, 8, 9)]), density=st.floats(0.1, 0.5))
@settings(max_examples=60, deadline=None)
def test_ends_lie_in_two_components_of_the_other_mask_that_the_region_touches(
    seed: int, shape: tuple[int, ...], density: float
) -> None:
    prediction, reference = np.random.default_rng(seed).random((2, *shape)) < density
    every_neighbour = np.ones((3,) * len(shape))
    for error in connections(prediction, reference):
        mask, other = (reference, prediction) if error.kind == "missed_connection" else (prediction, reference)
        assert error.ends is not None
        near, far = error.ends
        components, _ = ndimage.label(other, every_neighbour)
        assert 0 < components[near] != components[far] > 0
        regions, _ = ndimage.label(mask & ~other, every_neighbour)
        touched = ndimage.binary_dilation(regions == regions[error.voxel], every_neighbour)
        assert touched[near]
        assert touched[far]
        # The near end belongs to the component beside the voxel.
        beside = components[tuple(slice(max(0, i - 1), i + 2) for i in error.voxel)]
        assert components[near] in beside


@given(seed=st.integers(0, 2**32 - 1), ndim=st.sampled_from([2, 3]), side=st.sampled_from([3, 12]))
@settings(max_examples=60, deadline=None)
def test_ends_are_the_nearest_of_all(seed: int, ndim: int, side: int) -> None:
    rng = np.random.default_rng(seed)
    voxels, touched = rng.integers(0, side, (2, 60, ndim))
    pieces, components = rng.integers(0, 3, 60), np.maximum(touched.sum(axis=1) % 13 - 8, 0)  # most are of component 0
    joins = [row for row in range(60) if set(components[pieces == pieces[row]]) - {components[row]}][:10]

    def distance(one: np.ndarray, other: np.ndarray) -> int:
        return int(((one - other) ** 2).sum())

    ends = connection_ends(touched, pieces, components, voxels[joins], pieces[joins], components[joins])
    for row, (near, far) in zip(joins, ends, strict=True):
        others = touched[(pieces == pieces[row]) & (components != components[row])]
        own = touched[(pieces == pieces[row]) & (components == components[row])]
        assert far.tolist() in others.tolist()
        assert near.tolist() in own.tolist()
        assert distance(far, voxels[row]) == min(distance(other, voxels[row]) for other in others)
        assert distance(near, far) == min(distance(one, far) for one in own)


def test_no_joins_have_no_ends() -> None:
    none = np.zeros(0, dtype=np.int64)
    assert connection_ends(np.zeros((0, 3), int), none, none, np.zeros((0, 3), int), none, none).shape == (0, 2, 3)
