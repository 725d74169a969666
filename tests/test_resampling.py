"""Resampling: thin structures keep their topology, intensities their range, probabilities their sum."""

import numpy as np
import pytest
import torch

from oracles.images import vessel_mask
from segtopo.inference.resampling import resample_image, resample_labels, resample_probabilities
from segtopo.inference.target_spacing import target_spacing
from segtopo.masks import betti_numbers
from segtopo.phantoms import vessel_phantom


def label_map(mask: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(mask, np.uint8)


@pytest.mark.parametrize("shape", [(40, 33, 29), (24, 55, 40), (25, 34, 91)])
@pytest.mark.parametrize("radius", [0.0, 1.0, 2.5])
def test_finer_labels_have_the_same_topology(shape: tuple[int, ...], radius: float) -> None:
    mask = vessel_mask((24, 33, 29), seed=4, radius=radius)
    finer = resample_labels(label_map(mask), shape, [(1,)])
    assert finer.shape == shape
    assert betti_numbers(finer > 0) == betti_numbers(mask)


@pytest.mark.parametrize("shape", [(64, 80), (40, 52), (90, 160), (32, 200)])
@pytest.mark.parametrize("seed", range(3))
def test_coarser_labels_keep_a_vessel_tree_in_one_piece(shape: tuple[int, ...], seed: int) -> None:
    mask = vessel_phantom((128, 160), seed=seed, loops=0).label
    coarser = resample_labels(label_map(mask), shape, [(1,)])
    assert betti_numbers(coarser > 0)[0] == betti_numbers(mask)[0] == 1


@pytest.mark.parametrize("shape", [(10, 11, 12), (30, 7, 40), (7, 90, 9)])
def test_a_line_of_single_voxels_survives_at_any_spacing(shape: tuple[int, ...]) -> None:
    labels = np.zeros((30, 28, 31), np.uint8)
    line = np.arange(28)
    labels[line * 22 // 27, line, 30 - line] = 1
    coarser = resample_labels(labels, shape, [(1,)])
    assert betti_numbers(coarser > 0) == (1, 0, 0)
    old = (np.argwhere(labels) + 0.5) * np.divide(shape, labels.shape)
    new = np.argwhere(coarser) + 0.5
    nearest = np.abs(old[:, None] - new[None]).max(axis=2).min(axis=1)
    assert nearest.max() <= 1


def test_a_line_of_changing_labels_stays_one_region() -> None:
    labels = np.zeros((33, 40), np.uint8)
    labels[11, 2:38], labels[11, 12:17] = 5, 7
    coarser = resample_labels(labels, (12, 15), [(5, 7), (7,)])
    assert betti_numbers(coarser > 0) == (1, 0)
    assert betti_numbers(coarser == 7) == (1, 0)
    assert set(np.unique(coarser)) == {0, 5, 7}


def test_thick_structures_keep_their_volume() -> None:
    radius = np.linalg.norm(np.indices((60, 64, 68)) - np.array([29.5, 31.5, 33.5])[:, None, None, None], axis=0)
    labels = label_map(radius < 25)
    coarser = resample_labels(labels, (24, 40, 34), [(1,)])
    scale = labels.size / coarser.size
    assert coarser.sum() * scale == pytest.approx(labels.sum(), rel=0.02)


def test_no_class_appears_and_none_vanishes() -> None:
    labels = np.zeros((50, 40), np.uint8)
    labels[5:25, 3:30], labels[30:45, 8], labels[12, 12], labels[40:, 30:] = 4, 2, 1, 255
    for shape in ((17, 13), (90, 70), (9, 80)):
        resampled = resample_labels(labels, shape, [(1,), (2,), (3,), (4,)])
        assert set(np.unique(resampled)) == {0, 1, 2, 4, 255}


def test_the_same_shape_changes_nothing() -> None:
    random = np.random.default_rng(0)
    image = random.normal(size=(5, 6, 7)).astype(np.float32)
    labels = random.integers(0, 4, (5, 6, 7)).astype(np.uint8)
    assert np.array_equal(resample_image(image, (5, 6, 7), (1, 1, 1)), image)
    assert np.array_equal(resample_labels(labels, (5, 6, 7), [(1,), (2,), (3,)]), labels)
    assert torch.equal(resample_probabilities(torch.from_numpy(image)[None], (5, 6, 7))[0], torch.from_numpy(image))


def test_a_linear_image_stays_linear() -> None:
    """Values of an oblique plane are known at every place; at the border cubic splines assume a mirror."""
    shape, finer = np.array([20, 24, 16]), np.array([40, 36, 16])
    plane = (np.indices(shape).T @ np.array([2.0, -1.0, 0.5])).T.astype(np.float32)
    places = (np.indices(finer).T + 0.5) * shape / finer - 0.5
    resampled = resample_image(plane, tuple(finer), (1, 1, 1))
    inner = np.s_[8:-8, 8:-8, 4:-4]
    assert np.allclose(resampled[inner], (places @ np.array([2.0, -1.0, 0.5])).T[inner], atol=0.02)
    assert resampled.min() >= plane.min()
    assert resampled.max() <= plane.max()


def test_thick_slices_are_repeated_not_mixed() -> None:
    image = np.random.default_rng(0).normal(size=(8, 9, 4)).astype(np.float32)
    repeated = resample_image(image, (8, 9, 12), (1, 1, 5))
    assert np.array_equal(repeated, np.repeat(image, 3, axis=2))
    mixed = resample_image(image, (8, 9, 12), (1, 1, 2))
    assert not np.array_equal(mixed, repeated)


def test_a_thin_bright_vessel_is_seen_in_a_coarser_image() -> None:
    image = np.zeros((61, 48), np.float32)
    image[:, 7] = 1
    coarser = resample_image(image, (61, 12), (1, 1))
    assert coarser[10].max() > 0.1
    assert coarser[10].argmax() == 7 * 12 // 48


def test_probabilities_remain_probabilities() -> None:
    probabilities = torch.softmax(8 * torch.randn(4, 9, 8, 7, generator=torch.Generator().manual_seed(0)), dim=0)[1:]
    resampled = resample_probabilities(probabilities, (20, 8, 3))
    assert resampled.shape == (3, 20, 8, 3)
    assert resampled.min() >= 0
    assert resampled.sum(dim=0).max() <= 1 + 1e-6


@pytest.mark.parametrize(
    ("spacings", "shape", "expected"),
    [
        ([(0.7, 0.8, 1.0), (0.9, 0.8, 1.0), (0.8, 1.0, 3.0)], (300, 300, 200), (0.8, 0.8, 1.0)),  # medians
        ([(0.5, 0.5, 2.0), (1.0, 1.0, 5.0), (1.0, 1.0, 5.0)], (256, 256, 40), (1.0, 1.0, 2.6)),  # thick and few slices
        ([(0.5, 0.5, 2.0), (1.0, 1.0, 5.0), (1.0, 1.0, 5.0)], (256, 256, 200), (1.0, 1.0, 5.0)),  # thick, many slices
        ([(1.0, 1.0, 0.5), (1.0, 1.0, 3.0), (1.0, 1.0, 3.0)], (256, 256, 40), (1.0, 1.0, 1.0)),  # not below the others
        ([(0.3, 0.4)], (100, 90), (0.3, 0.4)),
    ],
)
def test_the_target_spacing_is_that_of_nnunet(spacings, shape, expected) -> None:
    assert target_spacing(spacings, [shape] * len(spacings)) == pytest.approx(expected)
