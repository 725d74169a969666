"""Vessel phantoms have the topology, and the look, that they are asked for."""

import numpy as np
import pytest
from scipy import ndimage

from segtopo.errors import InputError
from segtopo.phantoms import Appearance, crops_around_foreground, simulate_intensities, vessel_phantom


def betti_numbers(mask: np.ndarray) -> tuple[int, ...]:
    """From the cells of the closed voxels, and from labelled foreground and background."""
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
def test_topology_in_2d(seed: int) -> None:
    trees, loops = 1 + seed % 2, seed % 4
    phantom = vessel_phantom((96, 144), seed=seed, trees=trees, loops=loops)
    assert phantom.betti_numbers == (trees, loops)
    assert betti_numbers(phantom.label) == (trees, loops)


@pytest.mark.parametrize("seed", range(5))
def test_topology_in_3d(seed: int) -> None:
    trees, loops = 1 + seed % 2, seed % 3
    phantom = vessel_phantom((48, 56, 40), seed=seed, trees=trees, loops=loops)
    assert phantom.betti_numbers == (trees, loops, 0)
    assert betti_numbers(phantom.label) == (trees, loops, 0)


@pytest.mark.parametrize("shape", [(96, 128), (48, 56, 40)])
def test_same_seed_same_phantom(shape: tuple[int, ...]) -> None:
    first, again, other = (vessel_phantom(shape, seed=seed, loops=1) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.label, again.label)
    assert (first.label != other.label).any()
    assert first.image.shape == first.label.shape == shape
    assert first.image.dtype == np.float32
    assert 0 <= first.image.min() < first.image.max() <= 1


def test_vessels_taper_and_branch() -> None:
    label = vessel_phantom((128, 160), seed=1).label
    radii = ndimage.distance_transform_edt(label)
    ridge = radii[(radii == ndimage.maximum_filter(radii, 3)) & label]
    assert ridge.max() >= 3
    assert np.quantile(ridge, 0.2) < 2
    assert 0.05 < label.mean() < 0.3


def test_gaps_are_dark_and_the_label_whole() -> None:
    look = Appearance(noise=0, clutter=0, texture=0, bias=0, gap_depth=1.0)
    with_gaps, without = (vessel_phantom(seed=3, gaps=gaps, noise=0, appearance=look) for gaps in (6, 0))
    np.testing.assert_array_equal(with_gaps.label, without.label)
    threshold = look.background + 0.3 * look.contrast
    assert ndimage.label(without.image > threshold, np.ones((3, 3)))[1] == 1
    assert ndimage.label(with_gaps.image > threshold, np.ones((3, 3)))[1] >= 6


def test_noise_is_what_was_asked() -> None:
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


def test_crops_hold_foreground() -> None:
    mask = np.zeros((30, 50, 20), bool)
    mask[3, 47, 5] = mask[20, 10, 19] = True
    crops = crops_around_foreground(mask, (16, 12, 40), count=5, seed=2)
    assert len(crops) == 5
    for crop in crops:
        assert mask[crop].shape == (16, 12, 20)
        assert mask[crop].any()
    assert crops == crops_around_foreground(mask, (16, 12, 40), count=5, seed=2)


def test_crops_follow_the_tree_not_its_volume() -> None:
    mask = np.zeros((40, 120), bool)
    mask[2:38, 2:42] = True
    mask[20, 42:118] = True
    starts = [columns.start for _, columns in crops_around_foreground(mask, (20, 20), count=30)]
    assert sum(start > 42 for start in starts) >= 6, "the thin branch holds 5% of the foreground"


@pytest.mark.parametrize(
    "arguments",
    [
        {"shape": (128,)},
        {"shape": (8, 160)},
        {"trees": 0},
        {"loops": -1},
        {"gaps": -1},
        {"noise": -0.1},
        {"noise": float("nan")},
        {"shape": (32, 40), "trees": 9},
    ],
    ids=str,
)
def test_impossible_phantoms(arguments: dict[str, object]) -> None:
    with pytest.raises(InputError, match="expected"):
        vessel_phantom(**arguments)


def test_impossible_simulations() -> None:
    mask = np.ones((6, 5), bool)
    for arguments in ({"spacing": (1.0,)}, {"spacing": (1.0, 0.0)}, {"gap_density": -1}):
        with pytest.raises(InputError, match="expected"):
            simulate_intensities(mask, **arguments)
    for size, count, image in (((3,), 1, mask), ((3, 3), 0, mask), ((3, 3), 1, ~mask)):
        with pytest.raises(InputError, match="expected"):
            crops_around_foreground(image, size, count)
