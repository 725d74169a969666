"""Skeletons: the topology of the mask, thin curves inside it, and vessels of all directions from end to end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import ndimage

from oracles.betti import betti_numbers as naive_betti_numbers
from oracles.masks import CONNECTIVITY_MASKS, MASKS
from segtopo import _native
from segtopo.masks import betti_numbers
from segtopo.masks.skeletons import skeleton


def masks(ndim: int, side: int) -> st.SearchStrategy[np.ndarray]:
    return npst.array_shapes(min_dims=ndim, max_dims=ndim, max_side=side).flatmap(lambda s: npst.arrays(bool, s))


def count_neighbours(mask: np.ndarray) -> np.ndarray:
    return ndimage.convolve(mask.astype(int), np.ones((3,) * mask.ndim, int), mode="constant") - mask


def is_simple(mask: np.ndarray, voxel: tuple[int, ...]) -> bool:
    """Tells whether the voxel can be removed: the cubes around it meet it in a set with the homology of a point."""
    around = np.pad(mask, 1)[tuple(slice(index, index + 3) for index in voxel)].copy()
    around[(1,) * mask.ndim] = False
    return naive_betti_numbers(around, "T") == (1,) + (0,) * (mask.ndim - 1)


def line(shape: tuple[int, ...], direction: np.ndarray, width: float) -> tuple[np.ndarray, np.ndarray]:
    """A straight vessel through the middle, and for each voxel its coordinate along the vessel."""
    grid = np.stack(np.indices(shape), axis=-1) - (np.array(shape) - 1) / 2
    along = grid @ direction
    off_axis = np.linalg.norm(grid - along[..., None] * direction, axis=-1)
    return (abs(along) < min(shape) * 0.4) & (off_axis <= width / 2), along


def test_random_masks_keep_their_betti_numbers() -> None:
    rng = np.random.default_rng(3)
    for index in range(2000):
        shape = rng.integers(1, 14 if index % 2 else 8, size=2 if index % 2 else 3)
        mask = rng.random(shape) < rng.uniform(0.05, 1)
        thinned = skeleton(mask)
        assert betti_numbers(thinned) == betti_numbers(mask)
        assert not (thinned & ~mask).any()


@pytest.mark.parametrize("known", [*MASKS, *CONNECTIVITY_MASKS], ids=lambda known: known.name)
def test_masks_with_known_topology_keep_it(known) -> None:
    assert betti_numbers(skeleton(known.mask)) == betti_numbers(known.mask)


@given(mask=masks(2, 9) | masks(3, 5))
@settings(max_examples=60, deadline=None)
def test_no_voxel_can_be_removed_but_the_ends_of_curves(mask: np.ndarray) -> None:
    thinned = skeleton(mask)
    neighbours = count_neighbours(thinned)
    for voxel in zip(*np.nonzero(thinned), strict=True):
        assert neighbours[voxel] == 1 or not is_simple(thinned, voxel)
    np.testing.assert_array_equal(skeleton(thinned), thinned)


@given(mask=masks(2, 9) | masks(3, 6), data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_turned_or_mirrored_mask_has_a_skeleton_of_the_same_topology(mask: np.ndarray, data: st.DataObject) -> None:
    axes = data.draw(st.permutations(range(mask.ndim)))
    turned = np.flip(mask.transpose(axes), data.draw(st.sets(st.sampled_from(range(mask.ndim)))) or ())
    assert betti_numbers(skeleton(turned)) == betti_numbers(skeleton(mask))
    np.testing.assert_array_equal(skeleton(turned), skeleton(np.ascontiguousarray(turned)))


@pytest.mark.parametrize("width", [2, 3, 6])
@pytest.mark.parametrize("shape", [(61, 58), (41, 44, 40)])
def test_a_vessel_in_any_direction_is_one_curve_from_end_to_end(shape: tuple[int, ...], width: int) -> None:
    rng = np.random.default_rng(width)
    for _ in range(12):
        direction = rng.standard_normal(len(shape))
        mask, along = line(shape, direction / np.linalg.norm(direction), width)
        assert betti_numbers(mask)[0] == 1
        curve = skeleton(mask)
        assert (curve & (count_neighbours(curve) == 1)).sum() == 2, "more ends than two are spurs"
        assert np.ptp(along[curve]) >= np.ptp(along[mask]) - 2 * (width + 1)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("step", [(0, 1), (1, 0)])
def test_a_diagonal_two_pixels_wide_keeps_its_length(mirrored: bool, step: tuple[int, int]) -> None:
    mask = np.zeros((34, 37), dtype=bool)
    rows = np.arange(2, 32)
    mask[rows, rows] = mask[rows + step[0], rows + step[1]] = True
    if mirrored:
        mask = mask[:, ::-1]
    curve = skeleton(mask)
    assert betti_numbers(curve) == (1, 0)
    assert np.ptp(np.nonzero(curve)[0]) + 1 >= 28
    assert curve.sum() <= 32


@pytest.mark.parametrize("width", [2, 4])
@pytest.mark.parametrize("shape", ["straight", "bulb", "step", "branch"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_tubes_of_even_width_keep_their_length(width: int, shape: str, axis: int) -> None:
    mask = np.zeros((16, 32, 50), dtype=bool)
    tube = slice(4, 4 + width)
    mask[tube, tube, 5:45] = True
    if shape == "bulb":
        mask[3:8, 3:8, 44:49] = True
    elif shape == "step":
        mask[tube, 4 : 5 + width, 25:45] = True
    elif shape == "branch":
        mask[tube, 4:24, 24 : 24 + width] = True
    curve = skeleton(np.moveaxis(mask, 2, axis))
    assert betti_numbers(curve) == (1, 0, 0)
    length = 44 if shape == "bulb" else 40
    assert np.ptp(np.nonzero(curve)[axis]) + 1 >= length - 2 * width
    assert (curve & (count_neighbours(curve) == 1)).sum() == (3 if shape == "branch" else 2)


def test_a_ball_around_a_cavity_becomes_a_surface_around_it() -> None:
    mask = np.ones((9, 10, 11), dtype=bool)
    mask[4, 5, 5] = False
    surface = skeleton(mask)
    assert betti_numbers(surface) == (1, 0, 1)
    assert surface.sum() < mask.sum() / 8


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (4, 5), (1, 1, 1), (3, 1, 5)])
def test_empty_full_and_read_only_masks(shape: tuple[int, ...]) -> None:
    empty, full = np.zeros(shape, bool), np.ones(shape, bool)
    assert not skeleton(empty).any()
    full.flags.writeable = False
    assert betti_numbers(skeleton(full))[0] == 1


def test_the_kernel_refuses_other_arrays() -> None:
    with pytest.raises(ValueError, match="2D or 3D"):
        _native.thin(np.zeros(4, np.uint8))
    with pytest.raises(TypeError):
        _native.thin(np.zeros((4, 5), bool))  # type: ignore[arg-type]
