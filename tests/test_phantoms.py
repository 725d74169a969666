"""Vessel phantoms have the requested topology and appearance."""

import re
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from segtopo.errors import InputError
from segtopo.phantoms import Appearance, crops_around_foreground, simulate_intensities, vessel_phantom


def betti_numbers(mask: np.ndarray) -> tuple[int, ...]:
    """Counts components and cavities by labelling; the Euler characteristic of the voxels gives the loops."""
    full, faces = np.ones((3,) * mask.ndim), None
    components = ndimage.label(mask, full)[1]
    holes = ndimage.label(~np.pad(mask, 1), faces)[1] - 1
    if mask.ndim == 2:
        return components, holes
    euler = 0
    for cell in np.ndindex(2, 2, 2):  # 1 along the axes where the cell is an open interval, 0 where a point
        cells = np.pad(mask, 1)
        for axis, inside in enumerate(cell):
            size = cells.shape[axis]
            low, high = np.take(cells, range(size - 1), axis), np.take(cells, range(1, size), axis)
            cells = low if inside else low | high
        euler += (-1) ** sum(cell) * int(cells.sum())
    return components, components + holes - euler, holes


@pytest.mark.parametrize("seed", range(12))
def test_a_2d_phantom_has_the_requested_topology(seed: int) -> None:
    trees, loops = 1 + seed % 2, seed % 4
    phantom = vessel_phantom((96, 144), seed=seed, trees=trees, loops=loops)
    assert phantom.betti_numbers == (trees, loops)
    assert betti_numbers(phantom.label) == (trees, loops)


@pytest.mark.parametrize("seed", range(5))
def test_a_3d_phantom_has_the_requested_topology(seed: int) -> None:
    trees, loops = 1 + seed % 2, seed % 3
    phantom = vessel_phantom((48, 56, 40), seed=seed, trees=trees, loops=loops)
    assert phantom.betti_numbers == (trees, loops, 0)
    assert betti_numbers(phantom.label) == (trees, loops, 0)


@pytest.mark.parametrize("shape", [(96, 128), (48, 56, 40)])
def test_the_same_seed_gives_the_same_phantom(shape: tuple[int, ...]) -> None:
    first, again, other = (vessel_phantom(shape, seed=seed, loops=1) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.label, again.label)
    assert (first.label != other.label).any()
    assert first.image.shape == first.label.shape == shape
    assert first.image.dtype == np.float32
    assert 0 <= first.image.min() < first.image.max() <= 1


def test_phantoms_have_thick_and_thin_vessels() -> None:
    label = vessel_phantom((128, 160), seed=1).label
    radii = ndimage.distance_transform_edt(label)
    ridge = radii[(radii == ndimage.maximum_filter(radii, 3)) & label]
    assert ridge.max() >= 3
    assert np.quantile(ridge, 0.2) < 2
    assert 0.05 < label.mean() < 0.3


def test_gaps_are_dark_and_the_label_has_none() -> None:
    look = Appearance(noise=0, clutter=0, texture=0, bias=0, gap_depth=1.0)
    with_gaps, without = (vessel_phantom(seed=3, gaps=gaps, noise=0, appearance=look) for gaps in (6, 0))
    np.testing.assert_array_equal(with_gaps.label, without.label)
    threshold = look.background + 0.3 * look.contrast
    assert ndimage.label(without.image > threshold, np.ones((3, 3)))[1] == 1
    assert ndimage.label(with_gaps.image > threshold, np.ones((3, 3)))[1] >= 6


def test_the_noise_has_the_requested_deviation() -> None:
    mask = np.zeros((80, 120), bool)
    look = Appearance(noise=0.05, clutter=0, texture=0, bias=0)
    assert simulate_intensities(mask, appearance=look).std() == pytest.approx(0.05, rel=0.05)


def test_thin_branches_are_fainter_and_blur_is_in_mm() -> None:
    mask = np.zeros((60, 80), bool)
    mask[10:20] = mask[40] = True
    look = Appearance(noise=0, clutter=0, texture=0, bias=0, blur=1.0)
    image = simulate_intensities(mask, appearance=look, gap_density=0)
    assert image[15, 40] == pytest.approx(look.background + look.contrast, abs=1e-3)
    assert image[40, 40] < look.background + 0.5 * look.contrast
    coarse = simulate_intensities(mask, appearance=look, gap_density=0, spacing=(2.0, 2.0))
    assert coarse[40, 40] > image[40, 40]


def test_crops_contain_foreground() -> None:
    mask = np.zeros((30, 50, 20), bool)
    mask[3, 47, 5] = mask[20, 10, 19] = True
    crops = crops_around_foreground(mask, (16, 12, 40), count=5, seed=2)
    assert len(crops) == 5
    for crop in crops:
        assert mask[crop].shape == (16, 12, 20)
        assert mask[crop].any()
    assert crops == crops_around_foreground(mask, (16, 12, 40), count=5, seed=2)


def test_crops_are_spread_over_the_tree_and_not_its_volume() -> None:
    mask = np.zeros((40, 120), bool)
    mask[2:38, 2:42] = True
    mask[20, 42:118] = True
    starts = [columns.start for _, columns in crops_around_foreground(mask, (20, 20), count=30)]
    assert sum(start > 42 for start in starts) >= 6, "the thin branch holds 5% of the foreground"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"shape": (128,)}, "shape: got (128,), expected 2 or 3 axes of at least 32 voxels"),
        ({"shape": (8, 160)}, "shape: got (8, 160), expected 2 or 3 axes of at least 32 voxels"),
        ({"trees": 0}, "trees: got 0, expected at least 1"),
        ({"loops": -1}, "loops: got -1, expected at least 0"),
        ({"gaps": -1}, "gaps: got -1, expected at least 0"),
        ({"noise": -0.1}, "noise: got -0.1, expected a finite number >= 0"),
        ({"noise": float("nan")}, "noise: got nan, expected a finite number >= 0"),
        ({"shape": (32, 40), "trees": 9}, "shape: got (32, 40), expected a larger image for 9 trees with 0 loops"),
    ],
    ids=str,
)
def test_impossible_phantoms_are_refused(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(problem)}$"):
        vessel_phantom(**arguments)


def test_a_gap_deeper_than_the_contrast_is_refused() -> None:
    with pytest.raises(InputError, match=r"^gap_depth: got 1\.5, expected a number from 0 to 1$"):
        Appearance(gap_depth=1.5)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"spacing": (1.0,)}, "spacing: got (1.0,), expected 2 positive lengths in mm"),
        ({"spacing": (1.0, 0.0)}, "spacing: got (1.0, 0.0), expected 2 positive lengths in mm"),
        ({"gap_density": -1}, "gap_density: got -1, expected a number >= 0"),
    ],
    ids=str,
)
def test_impossible_simulations_are_refused(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(problem)}$"):
        simulate_intensities(np.ones((6, 5), bool), **arguments)


@pytest.mark.parametrize(
    ("size", "count", "foreground", "problem"),
    [
        ((3,), 1, True, "crop size: got (3,), expected 2 positive numbers of voxels"),
        ((3, 0), 1, True, "crop size: got (3, 0), expected 2 positive numbers of voxels"),
        ((3, 3), 0, True, "number of crops: got 0, expected at least 1"),
        ((3, 3), 1, False, "mask: got no foreground, expected at least one foreground voxel"),
    ],
    ids=str,
)
def test_impossible_crops_are_refused(size: tuple[int, ...], count: int, foreground: bool, problem: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(problem)}$"):
        crops_around_foreground(np.full((6, 5), foreground), size, count)
