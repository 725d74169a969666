"""clDice: its formula, its cases without skeleton, its metric."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.morphology import skeletonize

from segtopo.masks.skeletons import skeleton
from segtopo.metrics import ClDiceMetric, compute_cldice


def bar(shape: tuple[int, ...], *slices: slice) -> torch.Tensor:
    mask = torch.zeros(1, 1, *shape)
    mask[(0, 0, *slices)] = 1
    return mask


VESSEL = bar((9, 31), slice(3, 6), slice(2, 29))
VESSEL_3D = bar((7, 9, 25), slice(2, 5), slice(3, 6), slice(2, 23))


def textbook(prediction: np.ndarray, reference: np.ndarray) -> float:
    """The definition, on masks whose skeletons are not empty."""
    skeleton_p, skeleton_r = skeletonize(prediction), skeletonize(reference)
    precision = (skeleton_p & reference).sum() / skeleton_p.sum()
    sensitivity = (skeleton_r & prediction).sum() / skeleton_r.sum()
    return float(2 * precision * sensitivity / max(precision + sensitivity, 1e-12))


@pytest.mark.parametrize("shape", [(40, 33), (24, 19, 17)])
def test_equals_the_definition(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(5)
    for _ in range(5):
        masks = np.zeros((2, *shape), dtype=bool)
        inner = (slice(None), *(slice(2, -2) for _ in shape))
        masks[inner] = rng.random((1, *masks[inner].shape[1:])) < 0.8
        masks[1][rng.random(shape) < 0.1] = False
        masks[:, [0, -1]] = False
        found = compute_cldice(*torch.from_numpy(masks)[:, None, None]).item()
        assert 0 < found < 1
        assert found == pytest.approx(textbook(*masks), abs=0.02)


@pytest.mark.parametrize("vessel", [VESSEL, VESSEL_3D])
def test_known_values(vessel: torch.Tensor) -> None:
    assert compute_cldice(vessel, vessel).tolist() == [[1.0]]
    thick = torch.nn.functional.max_pool2d(vessel[0], 3, 1, 1)[None] if vessel.ndim == 4 else vessel
    assert compute_cldice(thick, vessel).item() > 0.9
    far = torch.roll(vessel, 3, dims=2)
    assert compute_cldice(far, vessel).tolist() == [[0.0]]


def test_half_a_vessel_is_precise_but_not_sensitive() -> None:
    half = VESSEL.clone()
    half[..., 15:] = 0
    centreline = skeleton(VESSEL[0, 0].numpy() > 0)
    length, inside = int(centreline.sum()), int((centreline & (half[0, 0].numpy() > 0)).sum())
    assert compute_cldice(half, VESSEL).item() == pytest.approx(2 * inside / (inside + length))


@pytest.mark.parametrize("vessel", [VESSEL, VESSEL_3D])
def test_empty_masks(vessel: torch.Tensor) -> None:
    empty = torch.zeros_like(vessel)
    assert compute_cldice(empty, empty).tolist() == [[1.0]]
    assert compute_cldice(vessel, empty).tolist() == [[0.0]]
    assert compute_cldice(empty, vessel).tolist() == [[0.0]]


def test_a_component_two_voxels_wide_counts() -> None:
    block = bar((6, 7, 9), slice(2, 4), slice(2, 4), slice(2, 7))
    assert compute_cldice(block, block).tolist() == [[1.0]]
    assert compute_cldice(torch.clamp(block + bar((6, 7, 9), slice(0, 1)), max=1), block).item() < 1


@given(seed=st.integers(0, 2**32 - 1), ndim=st.sampled_from([2, 3]))
@settings(max_examples=60, deadline=None)
def test_is_a_symmetric_fraction_that_does_not_move_with_the_image(seed: int, ndim: int) -> None:
    rng = np.random.default_rng(seed)
    shape = rng.integers(1, 8, size=ndim)
    masks = torch.from_numpy(rng.random((2, 1, 1, *shape)) < rng.random())
    score = compute_cldice(masks[0], masks[1])
    assert 0 <= score.item() <= 1
    assert compute_cldice(masks[0], masks[0]).item() == 1
    assert torch.equal(score, compute_cldice(masks[1], masks[0]))
    padded = torch.nn.functional.pad(masks, (3, 1) * ndim)
    assert torch.equal(score, compute_cldice(padded[0], padded[1]))


def test_batch_equals_items() -> None:
    generator = torch.Generator().manual_seed(2)
    y_pred, y = (torch.rand(2, 3, 2, 15, 22, generator=generator) < 0.6).unbind(0)
    batch = compute_cldice(y_pred, y)
    assert batch.shape == (3, 2)
    for b in range(3):
        for c in range(2):
            one = (slice(b, b + 1), slice(c, c + 1))
            assert compute_cldice(y_pred[one], y[one]).item() == batch[b, c].item()
    assert torch.equal(compute_cldice(y_pred, y, include_background=False), batch[:, 1:])


def test_metric_accumulates() -> None:
    metric = ClDiceMetric(get_not_nans=True)
    metric(VESSEL, VESSEL)
    metric([torch.zeros(1, 9, 31)], [VESSEL[0]])
    mean, not_nans = metric.aggregate()
    assert (mean.item(), not_nans.item()) == (0.5, 2)
    assert metric.aggregate("none")[0].tolist() == [[1.0], [0.0]]


def test_refuses_what_is_no_mask() -> None:
    with pytest.raises(ValueError, match="y_pred: got values other than 0 and 1"):
        compute_cldice(VESSEL * 0.4, VESSEL)
    with pytest.raises(ValueError, match="y: got shape"):
        compute_cldice(VESSEL, VESSEL_3D)
