"""Betti numbers, their error and its metric: against brute force, scikit-image and masks known by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.measure import euler_number

from oracles import betti as oracle
from segtopo.metrics import BettiErrorMetric, compute_betti_error, compute_betti_numbers


def numbers(mask: np.ndarray, construction: str = "T") -> tuple[int, ...]:
    return tuple(compute_betti_numbers(torch.as_tensor(mask)[None, None], construction)[0, 0].tolist())


def random_mask(seed: int, ndim: int, longest: int = 6) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.random(rng.integers(1, longest, size=ndim)) < rng.random()


def torus(shape: tuple[int, int, int] = (9, 21, 23)) -> np.ndarray:
    z, y, x = np.ogrid[tuple(slice(-(n // 2), n // 2 + 1) for n in shape)]
    return (np.hypot(x, y) - 6) ** 2 + z**2 <= 7


def solid(*shape: int) -> np.ndarray:
    return np.ones(shape, dtype=bool)


def hollow(*shape: int) -> np.ndarray:
    mask = solid(*shape)
    mask[(slice(1, -1),) * len(shape)] = False
    return mask


def diagonal(ndim: int) -> np.ndarray:
    mask = np.zeros((4, 5, 6)[:ndim], dtype=bool)
    mask[(np.arange(4),) * ndim] = True
    return mask


@pytest.mark.parametrize("construction", ["T", "V"])
@pytest.mark.parametrize("ndim", [2, 3])
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=150, deadline=None)
def test_equals_brute_force_homology(ndim: int, construction: str, seed: int) -> None:
    mask = random_mask(seed, ndim)
    assert numbers(mask, construction) == oracle.betti_numbers(mask, construction)


@pytest.mark.parametrize(("construction", "connectivity"), [("T", {2: 2, 3: 3}), ("V", {2: 1, 3: 1})])
@pytest.mark.parametrize("shape", [(40, 51), (33, 18, 21), (17, 16, 9), (1, 14, 9)])
def test_alternating_sum_equals_the_euler_number(construction: str, connectivity: dict, shape: tuple) -> None:
    mask = np.random.default_rng(3).random(shape) < 0.4
    found = numbers(mask, construction)
    assert sum((-1) ** k * b for k, b in enumerate(found)) == euler_number(mask, connectivity[len(shape)])


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (torus(), (1, 1, 0)),
        (hollow(4, 5, 6), (1, 0, 1)),
        (hollow(4, 5), (1, 1)),
        (solid(4, 5, 3), (1, 0, 0)),
        (solid(1, 5), (1, 0)),
        (solid(1, 1, 1), (1, 0, 0)),
        (np.zeros((3, 4, 5), dtype=bool), (0, 0, 0)),
        (np.zeros((3, 4), dtype=bool), (0, 0)),
        (np.array([[[True, False, True]]]), (2, 0, 0)),
    ],
    ids=["torus", "shell", "ring", "solid", "line", "voxel", "empty 3D", "empty 2D", "two voxels"],
)
@pytest.mark.parametrize("construction", ["T", "V"])
def test_hand_made_masks(mask: np.ndarray, expected: tuple[int, ...], construction: str) -> None:
    assert numbers(mask, construction) == expected


def test_hollow_torus_surface() -> None:
    thick = np.pad(torus(), 1)
    core = thick.copy()
    for axis in range(3):
        core &= np.roll(thick, 1, axis) & np.roll(thick, -1, axis)
    assert numbers(thick & ~core) == (1, 2, 1)


@pytest.mark.parametrize("ndim", [2, 3])
def test_a_diagonal_is_whole_under_full_connectivity_only(ndim: int) -> None:
    mask = diagonal(ndim)
    assert numbers(mask, "T") == (1,) + (0,) * (ndim - 1)
    assert numbers(mask, "V") == (int(mask.sum()),) + (0,) * (ndim - 1)


def test_a_ring_closed_by_the_border_is_no_loop() -> None:
    mask = hollow(5, 6)[:-1]
    assert numbers(mask) == (1, 0)


@pytest.mark.parametrize("construction", ["T", "V"])
def test_components_and_cavities_are_those_of_labelling(construction: str) -> None:
    mask = np.random.default_rng(0).random((37, 11, 29)) < (0.08 if construction == "T" else 0.7)
    structure = ndimage.generate_binary_structure(3, 3 if construction == "T" else 1)
    dual = ndimage.generate_binary_structure(3, 1 if construction == "T" else 3)
    b0, _, b2 = numbers(mask, construction)
    assert b0 == ndimage.label(mask, structure)[1]
    assert b2 == ndimage.label(np.pad(~mask, 1, constant_values=True), dual)[1] - 1


def test_batch_equals_items_and_keeps_order() -> None:
    masks = torch.rand(3, 2, 9, 12, generator=torch.Generator().manual_seed(0)) < 0.5
    batch = compute_betti_numbers(masks)
    assert batch.shape == (3, 2, 2)
    assert batch.dtype == torch.long
    for b in range(3):
        for c in range(2):
            assert torch.equal(batch[b, c], compute_betti_numbers(masks[b : b + 1, c : c + 1])[0, 0])


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.float16, torch.float64])
def test_any_dtype_and_strides(dtype: torch.dtype) -> None:
    mask = torch.from_numpy(hollow(4, 7)).to(dtype)[None, None]
    assert compute_betti_numbers(mask).tolist() == [[[1, 1]]]
    assert compute_betti_numbers(mask.transpose(2, 3)).tolist() == [[[1, 1]]]


def test_error_is_the_absolute_difference() -> None:
    pair = torch.from_numpy(np.stack([hollow(4, 5, 6), solid(4, 5, 6)]))[:, None]
    assert compute_betti_error(pair, pair.flip(0), reduce_dimensions=False).tolist() == [[[0.0, 0.0, 1.0]]] * 2


def test_error_with_empty_masks() -> None:
    empty, ring = torch.zeros(1, 1, 4, 5), torch.from_numpy(hollow(4, 5))[None, None]
    assert compute_betti_error(empty, empty).tolist() == [[0.0]]
    assert compute_betti_error(empty, ring.float()).tolist() == [[2.0]]


def test_error_can_leave_out_the_background() -> None:
    y_pred, y = torch.zeros(1, 3, 4, 5), torch.ones(1, 3, 4, 5)
    assert compute_betti_error(y_pred, y, include_background=False).shape == (1, 2)
    assert compute_betti_error(y_pred[:, :1], y[:, :1], include_background=False).shape == (1, 1)


@pytest.mark.parametrize(
    ("mask", "error", "match"),
    [
        (np.ones((1, 1, 3, 4)), TypeError, "ndarray"),
        (torch.ones(1, 3, 4), ValueError, r"\(1, 3, 4\)"),
        (torch.ones(1, 1, 3, 0), ValueError, "length 0"),
        (torch.full((1, 1, 3, 4), 0.5), ValueError, "other than 0 and 1"),
        (torch.full((1, 1, 3, 4), torch.nan), ValueError, "other than 0 and 1"),
        (torch.full((1, 1, 3, 4), 255), ValueError, "other than 0 and 1"),
    ],
)
def test_refuses_what_is_no_mask(mask: torch.Tensor, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        compute_betti_numbers(mask)


def test_refuses_differing_shapes_and_unknown_constructions() -> None:
    with pytest.raises(ValueError, match=r"y: got shape \(1, 1, 4, 3\), expected the shape \(1, 1, 3, 4\) of y_pred"):
        compute_betti_error(torch.ones(1, 1, 3, 4), torch.ones(1, 1, 4, 3))
    with pytest.raises(ValueError, match="'X'"):
        compute_betti_numbers(torch.ones(1, 1, 3, 4), "X")
    with pytest.raises(ValueError, match="'X'"):
        BettiErrorMetric(construction="X")


def test_metric_accumulates_and_reduces_like_monai() -> None:
    y_pred = (torch.rand(5, 3, 8, 11, generator=torch.Generator().manual_seed(1)) < 0.5).float()
    y = torch.ones(5, 3, 8, 11)
    scores = compute_betti_error(y_pred, y, include_background=False)
    metric = BettiErrorMetric(include_background=False, get_not_nans=True)
    metric(y_pred[:2], y[:2])
    metric(list(y_pred[2:]), list(y[2:]))
    mean, not_nans = metric.aggregate()
    torch.testing.assert_close(mean, scores.mean()[None])
    assert not_nans.item() == 5
    torch.testing.assert_close(metric.aggregate("none")[0], scores)
    torch.testing.assert_close(metric.aggregate("sum_batch")[0], scores.sum(dim=0))
    metric.reset()
    with pytest.raises(ValueError, match="scores: got none"):
        metric.aggregate()


def test_metric_follows_its_construction() -> None:
    mask, empty = torch.from_numpy(diagonal(2))[None, None], torch.zeros(1, 1, 4, 5)
    for construction, components in (("T", 1), ("V", 4)):
        assert BettiErrorMetric(construction=construction)(mask, empty).tolist() == [[components]]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_result_stays_on_the_device() -> None:
    assert compute_betti_numbers(torch.ones(1, 1, 3, 4, device="cuda")).device.type == "cuda"
