"""Surface distances: against all pairs of voxels, MONAI and ITK."""

import math

import numpy as np
import pytest
import SimpleITK
import torch
from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance, compute_surface_dice
from scipy import ndimage

from oracles.images import vessel_mask
from oracles.mask_pairs import hostile_pairs, random_pair
from oracles.surface_distances import distances, hausdorff, surface
from segtopo.evaluation.scores import MaskPair, ScoreOptions, compute_scores
from segtopo.evaluation.scores import surface as surface_scores

NAMES = ("hd95_mm", "assd_mm", "nsd")
TOLERANCE = 1.3
PAIRS = [random_pair(seed, ndim, 7) for seed in range(20) for ndim in (2, 3)] + [
    (*masks, (0.5, 2.0, 1.2)[: masks[0].ndim]) for masks in hostile_pairs().values()
]


def scores_of(prediction: np.ndarray, reference: np.ndarray, spacing: tuple[float, ...]) -> tuple[float, ...]:
    pair = MaskPair(prediction, reference, spacing, options=ScoreOptions(surface_tolerance=TOLERANCE))
    return tuple(compute_scores(pair, ["surface"])[name] for name in NAMES)


@pytest.mark.parametrize("pair", PAIRS)
def test_equals_the_comparison_of_all_voxels(pair: tuple[np.ndarray, np.ndarray, tuple[float, ...]]) -> None:
    prediction, reference, spacing = pair
    both = distances(prediction, reference, spacing) + distances(reference, prediction, spacing)
    within = sum(distance <= TOLERANCE * (1 + 1e-9) for distance in both)
    expected = hausdorff(prediction, reference, spacing, 95), sum(both) / len(both), within / len(both)
    assert scores_of(*pair) == pytest.approx(expected)


@pytest.mark.filterwarnings("ignore:monai.metrics.utils get_mask_edges:FutureWarning")
@pytest.mark.parametrize("pair", PAIRS)
def test_equals_monai_also_at_the_border(pair: tuple[np.ndarray, np.ndarray, tuple[float, ...]]) -> None:
    prediction, reference, spacing = pair
    masks = [torch.from_numpy(mask)[None, None].float() for mask in (prediction, reference)]
    options = {"include_background": True, "spacing": spacing}
    expected = (
        compute_hausdorff_distance(*masks, percentile=95, **options),
        compute_average_surface_distance(*masks, symmetric=True, **options),
        compute_surface_dice(*masks, class_thresholds=[TOLERANCE], **options),
    )
    assert scores_of(*pair) == pytest.approx([score.item() for score in expected], rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("pair", PAIRS)
def test_the_maximum_equals_itk_on_images_of_the_surfaces(
    pair: tuple[np.ndarray, np.ndarray, tuple[float, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    prediction, reference, spacing = pair
    surfaces = [np.zeros_like(prediction) for _ in range(2)]
    for drawn, mask in zip(surfaces, (prediction, reference), strict=True):
        drawn[tuple(np.transpose(surface(mask)))] = True
    itk = hausdorff_filter(*surfaces, spacing)
    monkeypatch.setattr(surface_scores, "PERCENTILE", 100)
    assert scores_of(*pair)[0] == pytest.approx(itk.GetHausdorffDistance(), rel=1e-5)
    means = [np.mean(distances(*masks, spacing)) for masks in ((prediction, reference), (reference, prediction))]
    assert sum(means) / 2 == pytest.approx(itk.GetAverageHausdorffDistance(), rel=1e-5)


def test_itk_on_whole_masks_says_another_distance(monkeypatch: pytest.MonkeyPatch) -> None:
    reference = np.zeros((12, 14), bool)
    reference[1:11, 1:12] = True
    prediction = reference.copy()
    prediction[3:9, 3:10] = False
    monkeypatch.setattr(surface_scores, "PERCENTILE", 100)
    assert scores_of(prediction, reference, (1.0, 1.0))[0] == pytest.approx(1)  # the wall is two pixels thick
    assert hausdorff_filter(prediction, reference, (1.0, 1.0)).GetHausdorffDistance() == pytest.approx(3)


def hausdorff_filter(
    prediction: np.ndarray, reference: np.ndarray, spacing: tuple[float, ...]
) -> SimpleITK.HausdorffDistanceImageFilter:
    images = [SimpleITK.GetImageFromArray(np.pad(mask, 1).astype(np.uint8)) for mask in (prediction, reference)]
    for image in images:
        image.SetSpacing(spacing[::-1])
    found = SimpleITK.HausdorffDistanceImageFilter()
    found.Execute(*images)
    return found


def test_known_distances() -> None:
    reference = np.zeros((9, 30), bool)
    reference[4, 5:25] = True
    assert scores_of(np.roll(reference, 2, 0), reference, (0.5, 3.0)) == (1, 1, 1)
    assert scores_of(np.roll(reference, 3, 0), reference, (0.5, 3.0)) == (1.5, 1.5, 0)
    longer = reference.copy()
    longer[4, 4] = True  # one of 21 pixels is 3 mm away
    assert scores_of(longer, reference, (0.5, 3.0)) == pytest.approx((0, 3 / 41, 40 / 41))


def test_a_distance_at_the_tolerance_counts_despite_rounding() -> None:
    reference = np.zeros((9, 12), bool)
    reference[1, 2:9] = True
    moved = np.roll(reference, 3, 0)
    for tolerance, nsd in ((0.3, 1), (0.29, 0)):
        pair = MaskPair(moved, reference, (0.1, 0.1), options=ScoreOptions(surface_tolerance=tolerance))
        assert compute_scores(pair, ["surface"])["nsd"] == nsd


def test_no_distance_exceeds_the_worst() -> None:
    shape, spacing = (7, 9, 5), (0.6, 1.1, 3.0)
    corners = np.zeros((2, *shape), bool)
    corners[0, 0, 0, 0] = corners[1, -1, -1, -1] = True
    worst = scores_of(np.zeros(shape, bool), corners[0], spacing)
    assert worst[:2] == pytest.approx([math.hypot(*np.multiply(shape, spacing))] * 2)
    assert scores_of(*corners, spacing)[0] < worst[0]


@pytest.mark.parametrize("shape", [(120, 97), (40, 33, 28)])
def test_vessels_equal_distance_transforms(shape: tuple[int, ...]) -> None:
    spacing = (0.7, 0.9, 2.0)[: len(shape)]
    prediction, reference = vessel_mask(shape, 1), vessel_mask(shape, 2)
    edges = [mask & ~ndimage.binary_erosion(mask) for mask in (prediction, reference)]
    to = [ndimage.distance_transform_edt(~edge, sampling=spacing) for edge in edges]
    both = [to[1][edges[0]], to[0][edges[1]]]
    pooled = np.concatenate(both)
    expected = max(np.percentile(d, 95) for d in both), pooled.mean(), (pooled <= TOLERANCE).mean()
    assert scores_of(prediction, reference, spacing) == pytest.approx(expected)
