"""Every metric takes zeros and ones of any dtype and layout, and passes its number of threads to the kernel."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from segtopo.errors import InputError
from segtopo.masks import betti_numbers, compare_masks
from segtopo.metrics import (
    compute_betti_error,
    compute_betti_matching_error,
    compute_betti_numbers,
    compute_cldice,
    compute_diu,
)

KERNEL_METRICS = [compute_betti_error, compute_betti_matching_error, compute_diu]
every_metric = pytest.mark.parametrize("compute", [*KERNEL_METRICS, compute_cldice])

BITS = torch.from_numpy(np.random.default_rng(0).random((2, 1, 2, 9, 14)) < 0.6)  # prediction and reference
Metric = Callable[..., torch.Tensor]


def holds_zero_and_one(dtype: torch.dtype) -> bool:
    try:
        return torch.tensor([0, 1], dtype=torch.uint8).to(dtype).to(torch.float32).tolist() == [0, 1]
    except (RuntimeError, NotImplementedError):  # bits and packed numbers, which torch cannot convert
        return False


ALL_DTYPES = {value for value in vars(torch).values() if isinstance(value, torch.dtype) and not value.is_complex}
DTYPES = sorted(filter(holds_zero_and_one, ALL_DTYPES), key=str)


def test_the_dtypes_include_those_that_numpy_does_not_have() -> None:
    assert {torch.bfloat16, torch.float8_e4m3fn, torch.uint16, torch.int8, torch.bool, torch.int64} <= set(DTYPES)


@every_metric
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_tensors_of_every_dtype(compute: Metric, dtype: torch.dtype) -> None:
    y_pred, y = BITS.to(dtype)
    assert torch.equal(compute(y_pred, y), compute(*BITS))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_betti_numbers_and_comparisons_of_every_dtype(dtype: torch.dtype) -> None:
    assert torch.equal(compute_betti_numbers(BITS[0].to(dtype)), compute_betti_numbers(BITS[0]))
    bits, masks = BITS[:, 0, 0], BITS[:, 0, 0].to(dtype)
    assert betti_numbers(masks[0]) == betti_numbers(bits[0])
    assert compare_masks(masks[0], masks[1]) == compare_masks(bits[0], bits[1])


@pytest.mark.parametrize("code", "?bBhHiIlLqQefdg")
def test_arrays_of_every_dtype(code: str) -> None:
    bits = BITS[:, 0, 0].numpy()
    masks = bits.astype(np.dtype(code))
    assert betti_numbers(masks[0]) == betti_numbers(bits[0])
    assert compare_masks(masks[0], masks[1]) == compare_masks(bits[0], bits[1])


@every_metric
@pytest.mark.parametrize("dtype", [torch.bool, torch.bfloat16, torch.float32])
def test_strided_views(compute: Metric, dtype: torch.dtype) -> None:
    wide = torch.zeros(2, 1, 2, 18, 28, dtype=dtype)
    wide[..., 1::2, ::2] = BITS.to(dtype)
    views = wide[..., 1::2, ::2]
    turned = BITS.to(dtype).mT.contiguous().mT
    assert not views.is_contiguous()
    assert not turned.is_contiguous()
    assert torch.equal(compute(*views), compute(*BITS))
    assert torch.equal(compute(*turned), compute(*BITS))
    assert torch.equal(
        compute(views[0], BITS[:1, :, :1].expand_as(BITS)[0]), compute(BITS[0], BITS[0, :, :1].repeat(1, 2, 1, 1))
    )


def test_arrays_in_any_order() -> None:
    mask, other = np.random.default_rng(1).random((2, 5, 8, 11)) < 0.5
    expected = compare_masks(mask, other)
    assert compare_masks(np.asfortranarray(mask), np.flip(np.flip(other, 1).copy(), 1)) == expected
    assert betti_numbers(np.flip(mask, (0, 2))) == betti_numbers(mask) == betti_numbers(np.asfortranarray(mask))
    assert betti_numbers(mask.tolist()) == betti_numbers(mask)


@every_metric
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_tensors_with_gradient_and_metadata(compute: Metric, dtype: torch.dtype) -> None:
    y_pred, y = BITS.to(dtype)
    scores = compute(y_pred.clone().requires_grad_(), MetaTensor(y))
    assert torch.equal(scores, compute(*BITS))
    assert not scores.requires_grad
    assert type(compute(MetaTensor(y_pred), y)) is torch.Tensor


@pytest.mark.parametrize("value", [0.5, 2, -1, torch.nan])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float8_e5m2])
def test_other_values_are_refused_in_every_dtype(dtype: torch.dtype, value: float) -> None:
    y = torch.ones(1, 1, 3, 4)
    wrong = y.clone()
    wrong[0, 0, 1, 2] = value
    for compute in (*KERNEL_METRICS, compute_cldice):
        with pytest.raises(InputError, match=r"^y: got values other than 0 and 1"):
            compute(y, wrong.to(dtype))
    with pytest.raises(InputError, match=r"^mask: got values other than 0 and 1"):
        betti_numbers(wrong[0, 0].to(dtype))


def test_tensors_without_values_are_refused() -> None:
    for wrong in (torch.ones(1, 1, 3, 4, device="meta"), torch.ones(1, 1, 3, 4).to_sparse()):
        with pytest.raises(TypeError, match=r"^y: got a tensor with .*, expected a dense tensor"):
            compute_betti_numbers(wrong)


def test_the_number_of_threads_reaches_the_kernel() -> None:
    masks = BITS[:, 0, 0].numpy()
    calls = [
        *(partial(compute, *BITS) for compute in KERNEL_METRICS),
        partial(compute_betti_numbers, BITS[0]),
        partial(betti_numbers, masks[0]),
        partial(compare_masks, *masks),
    ]
    for call in calls:
        with pytest.raises(InputError, match=r"^num_threads: got 0, expected at least 1"):
            call(num_threads=0)
    for compute in KERNEL_METRICS:
        assert torch.equal(compute(*BITS, num_threads=1), compute(*BITS, num_threads=3))


@pytest.mark.parametrize("compute", KERNEL_METRICS)
def test_an_unknown_construction_is_refused_for_empty_masks_too(compute: Metric) -> None:
    with pytest.raises(InputError, match=r"^construction: got 'X', expected one of"):
        compute(torch.zeros(1, 1, 3, 4), torch.zeros(1, 1, 3, 4), construction="X")
