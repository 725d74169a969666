"""The areas of two masks and their contacts, against scipy and a search through all neighbours."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
import pytest
from scipy import ndimage

from segtopo import _native
from segtopo.masks.areas import BOTH, PREDICTION, REFERENCE, Areas

SHAPES = [(1, 1), (7, 9), (1, 12), (4, 1, 5), (3, 5, 6)]


def random_masks(shape: tuple[int, ...]) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(2)
    return [
        (rng.random(shape) < density, rng.random(shape) < other)
        for density, other in product((0, 0.3, 0.6, 1), (0.2, 0.7))
    ]


def neighbours_of(shape: tuple[int, ...], full: bool) -> tuple[int, np.ndarray]:
    ndim = len(shape)
    connectivity = {(2, False): 4, (2, True): 8, (3, False): 6, (3, True): 26}[ndim, full]
    return connectivity, ndimage.generate_binary_structure(ndim, ndim if full else 1)


def same_parts(labels: np.ndarray, expected: np.ndarray) -> bool:
    """Tells whether two label images divide the voxels in the same way."""
    pairs = set(zip(labels.ravel().tolist(), expected.ravel().tolist(), strict=True))
    return len(pairs) == len({first for first, _ in pairs}) == len({second for _, second in pairs})


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_areas_and_the_components_of_both_masks_are_those_of_scipy(shape: tuple[int, ...], full: bool) -> None:
    connectivity, structure = neighbours_of(shape, full)
    for prediction, reference in random_masks(shape):
        areas = Areas.of(prediction, reference, connectivity)
        labels = areas.labels.reshape(areas.shape)[(slice(1, -1),) * len(shape)]
        for mask, code in (
            (prediction & ~reference, PREDICTION),
            (reference & ~prediction, REFERENCE),
            (prediction & reference, BOTH),
        ):
            assert np.array_equal(areas.masks[labels] == code, mask)
            assert same_parts(labels * mask, ndimage.label(mask, structure)[0])
        for mask, component in ((prediction, areas.in_prediction), (reference, areas.in_reference)):
            assert same_parts(component[labels], ndimage.label(mask, structure)[0])


@pytest.mark.parametrize("shape", SHAPES)
def test_areas_have_their_sizes_and_first_voxels(shape: tuple[int, ...]) -> None:
    for prediction, reference in random_masks(shape):
        areas = Areas.of(prediction, reference, 4 if len(shape) == 2 else 6)
        assert (areas.sizes[0], areas.first[0], areas.masks[0]) == (0, -1, 0)
        for label in range(1, len(areas.sizes)):
            voxels = np.flatnonzero(areas.labels == label)
            assert (areas.sizes[label], areas.first[label]) == (len(voxels), voxels[0])
        if len(areas.first) > 1:
            voxels = areas.voxels_at(areas.first[1:])
            assert np.array_equal(areas.sizes_at(voxels), areas.sizes[1:])
            assert np.array_equal(prediction[tuple(voxels.T)], (areas.masks[1:] & PREDICTION) > 0)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_contacts_are_those_of_a_search_through_all_neighbours(shape: tuple[int, ...], full: bool) -> None:
    connectivity, structure = neighbours_of(shape, full)
    shifts = [shift for shift in np.argwhere(structure) - 1 if shift.any()]
    for prediction, reference in random_masks(shape):
        areas = Areas.of(prediction, reference, connectivity)
        labels = areas.labels.reshape(areas.shape)
        expected: Counter[tuple[int, int]] = Counter()
        for voxel in np.argwhere(labels):
            code = areas.masks[labels[tuple(voxel)]]
            for shift in shifts:
                beside = labels[tuple(voxel + shift)]
                if code != BOTH and areas.masks[beside] & (BOTH - code):
                    expected[int(labels[tuple(voxel)]), int(beside)] += 1
        found = areas.touching
        keys = list(zip(areas.labels[found.voxels].tolist(), areas.labels[found.neighbours].tolist(), strict=True))
        assert len(keys) == len(set(keys))
        assert dict(zip(keys, found.counts.tolist(), strict=True)) == expected
        pieces = np.flatnonzero((areas.masks > 0) & (areas.masks < BOTH))[::2]
        every = areas.neighbours_of(pieces)
        pairs = zip(areas.labels[every.voxels].tolist(), areas.labels[every.neighbours].tolist(), strict=True)
        assert Counter(pairs) == {key: count for key, count in expected.items() if key[0] in pieces}
        steps = np.unravel_index(every.neighbours, areas.shape) - np.stack(np.unravel_index(every.voxels, areas.shape))
        assert {tuple(step) for step in steps.T.tolist()} <= {tuple(shift) for shift in np.asarray(shifts).tolist()}


def test_each_label_needs_a_mask() -> None:
    with pytest.raises(ValueError, match="expected a mask for each label"):
        _native.find_contacts(np.array([0, 3, 0], np.uint32), np.zeros(3, np.uint8), np.array([1, -1]))
