"""Simple voxels against the Betti numbers of masks before and after, and of the patch around a voxel."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from oracles.betti import betti_numbers as naive_betti_numbers
from segtopo import _native
from segtopo.masks import betti_numbers
from segtopo.persistence import Construction

CONSTRUCTIONS: tuple[Construction, ...] = ("T", "V")
SHAPES = [(7, 9), (1, 12), (5, 2), (4, 5, 6), (1, 6, 5), (5, 1, 4), (1, 1, 8), (3, 3, 3)]


def add(mask: np.ndarray, candidates: list[int], construction: Construction) -> tuple[np.ndarray, list[bool]]:
    """Returns the mask with the simple candidates, and which candidates these are."""
    result = mask.astype(np.uint8)
    added = np.full(len(candidates), 7, np.uint8)
    _native.add_simple_voxels(result, np.array(candidates, np.int64), added, top_cells=construction == "T")
    assert set(np.unique(added)) <= {0, 1}
    assert set(np.unique(result)) <= {0, 1}
    return result.astype(bool), added.astype(bool).tolist()


def with_voxel(mask: np.ndarray, voxel: int) -> np.ndarray:
    result = mask.copy()
    result.flat[voxel] = True
    return result


def is_simple(patch: np.ndarray, construction: Construction) -> bool:
    """Tells by Betti numbers whether the voxel in the middle of a patch of 3 voxels along each axis is simple.

    Under T, the cubes around the middle shrink to the part that they share with the middle. Adding the middle changes
    no homology if this part has that of a point. Under V it is simple if it is so in the background under T.
    """
    around = patch if construction == "T" else ~patch
    around = around.copy()
    around[(1,) * patch.ndim] = False
    return naive_betti_numbers(around, "T") == (1,) + (0,) * (patch.ndim - 1)


def patches(ndim: int, count: int) -> list[np.ndarray]:
    """Patches of all densities, also those in which one voxel, face, edge or corner is alone."""
    rng = np.random.default_rng(ndim)
    return [rng.random((3,) * ndim) < density for density in np.linspace(0, 1, count)]


def added_in_patch(patch: np.ndarray, construction: Construction) -> bool:
    patch = patch.copy()
    patch[(1,) * patch.ndim] = False
    _, (added,) = add(patch, [patch.size // 2], construction)
    return added


@pytest.mark.parametrize("construction", CONSTRUCTIONS)
def test_all_neighbourhoods_in_2d(construction: Construction) -> None:
    simple = 0
    for bits in itertools.product([False, True], repeat=8):
        patch = np.array([*bits[:4], False, *bits[4:]]).reshape(3, 3)
        _, (added,) = add(patch, [4], construction)
        before, after = (naive_betti_numbers(mask, construction) for mask in (patch, with_voxel(patch, 4)))
        assert added == (before == after) == is_simple(patch, construction)
        simple += added
    assert simple == 116


@pytest.mark.parametrize("construction", CONSTRUCTIONS)
def test_neighbourhoods_in_3d(construction: Construction) -> None:
    answers = [(added_in_patch(patch, construction), is_simple(patch, construction)) for patch in patches(3, 1500)]
    assert [added for added, _ in answers] == [expected for _, expected in answers]
    assert 100 < sum(added for added, _ in answers) < 1400


@pytest.mark.parametrize("construction", CONSTRUCTIONS)
@pytest.mark.parametrize("count", [0, 1, 2])
def test_neighbourhoods_in_3d_of_few_voxels_or_few_gaps(count: int, construction: Construction) -> None:
    around = [voxel for voxel in range(27) if voxel != 13]
    for chosen in itertools.combinations(around, count):
        few = np.zeros((3, 3, 3), bool)
        few.flat[list(chosen)] = True
        for patch in (few, ~few):
            assert added_in_patch(patch, construction) == is_simple(patch, construction)


@pytest.mark.parametrize("construction", CONSTRUCTIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_single_voxels_change_betti_numbers_exactly_if_refused(
    shape: tuple[int, ...], construction: Construction
) -> None:
    rng = np.random.default_rng(len(shape))
    tried = []
    for density in np.linspace(0.05, 0.95, 12):
        mask = rng.random(shape) < density
        before = betti_numbers(mask, construction)
        for voxel in np.flatnonzero(~mask).tolist():
            result, (added,) = add(mask, [voxel], construction)
            after = betti_numbers(with_voxel(mask, voxel), construction)
            assert np.array_equal(result, with_voxel(mask, voxel) if added else mask)
            # In 3D, a voxel may close one loop and open another, so that it changes only their places.
            assert (before == after) if added else (before != after or len(shape) == 3)
            tried.append(added)
    assert any(tried)
    assert not all(tried)


@pytest.mark.parametrize("construction", CONSTRUCTIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_candidates_are_tried_one_after_the_other(shape: tuple[int, ...], construction: Construction) -> None:
    rng = np.random.default_rng(10 + len(shape))
    for density in np.linspace(0.05, 0.9, 20):
        mask = rng.random(shape) < density
        candidates = [*rng.permutation(mask.size).tolist(), 0, mask.size - 1]
        result, added = add(mask, candidates, construction)
        one_by_one, answers = mask, []
        for voxel in candidates:
            one_by_one, (answer,) = add(one_by_one, [voxel], construction)
            answers.append(answer)
        assert answers == added
        assert np.array_equal(one_by_one, result)
        assert result.sum() == mask.sum() + sum(added)
        assert betti_numbers(result, construction) == betti_numbers(mask, construction)


def test_voxels_of_the_mask_are_not_added() -> None:
    mask = np.array([[1, 1, 0]], bool)
    result, added = add(mask, [0, 1, 2, 2], "T")
    assert added == [False, False, True, False]
    assert result.all()


@pytest.mark.parametrize("construction", CONSTRUCTIONS)
def test_nothing_grows_from_nothing(construction: Construction) -> None:
    mask = np.zeros((4, 5), bool)
    assert add(mask, list(range(20)), construction)[1] == [False] * 20
    assert add(mask, [], construction)[1] == []


def test_corners_connect_under_t_only() -> None:
    mask = np.array([[1, 0], [0, 0]], bool)
    assert add(mask, [3], "T")[1] == [True]
    assert add(mask, [3], "V")[1] == [False]
    assert add(mask, [1], "V")[1] == [True]


@pytest.mark.parametrize(
    ("mask", "candidates", "added"),
    [
        (np.zeros((3, 4), np.uint8), [12], 1),
        (np.zeros((3, 4), np.uint8), [-1], 1),
        (np.zeros((3, 4), np.uint8), [1, 2], 1),
        (np.zeros(4, np.uint8), [1], 1),
        (np.zeros((2, 2, 2, 2), np.uint8), [1], 1),
    ],
)
def test_wrong_input_is_refused(mask: np.ndarray, candidates: list[int], added: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        _native.add_simple_voxels(mask, np.array(candidates), np.zeros(added, np.uint8), top_cells=True)
