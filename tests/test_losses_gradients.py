"""The gradients of all losses: finite differences, degenerate masks, precision, memory, threads, devices, processes."""

from __future__ import annotations

import inspect
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from oracles.data_parallel import PROCESSES, aggregated, gradients, network, train
from oracles.losses import (
    CLASSES,
    LAYOUTS,
    LOSSES,
    ROWS,
    Layout,
    MakeLoss,
    value_and_gradient,
)
from segtopo.losses.channel_loss import ChannelLoss

every_row = pytest.mark.parametrize("make", ROWS.values(), ids=ROWS)
THREADED = {name: make for name, make in ROWS.items() if "num_threads" in inspect.signature(make).parameters}
every_layout = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)


@every_row
@pytest.mark.parametrize("spatial", [(4, 5), (3, 2, 4)])
def test_gradients_of_first_and_second_order(make: MakeLoss, spatial: tuple[int, ...]) -> None:
    for layout in (Layout(spatial, CLASSES), Layout(spatial, {"sigmoid": True})):
        input, target = layout.pair(batch=1, seed=1)
        loss = partial(make(**layout.options), target=target)
        assert torch.autograd.gradcheck(loss, input, atol=1e-6)
        assert torch.autograd.gradgradcheck(loss, input, atol=1e-6, fast_mode=True)


DEGENERATE = [
    ("empty", (5, 7), 0.3, []),
    ("full", (5, 7), 0.3, [(...,)]),
    ("one voxel", (5, 7), 0.3, [(..., 2, 3)]),
    ("one voxel wide", (1, 7), None, [(..., slice(2, 5))]),
    ("a single voxel", (1, 1), None, [(...,)]),
    ("constant", (5, 7), 0.5, [(..., 2, slice(1, 5))]),
    ("nothing predicted", (5, 7), 0.0, [(..., 2, slice(1, 5))]),
    ("all predicted", (5, 7), 1.0, [(..., 2, slice(1, 5))]),
    ("nothing and nothing", (5, 7), 0.0, []),
    ("empty in 3D", (4, 3, 5), 0.3, []),
    ("full in 3D", (4, 3, 5), 0.3, [(...,)]),
    ("one voxel in 3D", (4, 3, 5), None, [(..., 1, 1, 2)]),
    ("one voxel wide in 3D", (1, 1, 5), None, [(..., slice(1, 4))]),
    ("nothing predicted in 3D", (4, 3, 5), 0.0, [(..., 1, 1, slice(1, 4))]),
    ("all predicted in 3D", (4, 3, 5), 1.0, [(..., 1, 1, slice(1, 4))]),
]


@every_row
@pytest.mark.parametrize(
    ("spatial", "constant", "foreground"), [row[1:] for row in DEGENERATE], ids=[row[0] for row in DEGENERATE]
)
def test_degenerate_images(
    make: MakeLoss, spatial: tuple[int, ...], constant: float | None, foreground: list[Any]
) -> None:
    prediction = torch.rand(2, 3, *spatial) if constant is None else torch.full((2, 3, *spatial), constant)
    target = torch.zeros(2, 3, *spatial)
    for where in foreground:
        target[where] = 1
    value, gradient = value_and_gradient(make(reduction="none"), prediction, target)
    assert value.isfinite().all()
    assert gradient.isfinite().all()


@every_row
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_gradients_have_the_dtype_of_the_input(make: MakeLoss, dtype: torch.dtype) -> None:
    layout = LAYOUTS["2D classes"]
    input, target = layout.pair()
    columns = make(**layout.options, reduction="none")(input, target).shape[1]
    loss = make(**layout.options, weight=[1.0] * columns)
    value, gradient = value_and_gradient(loss, input.to(dtype), target)
    assert value.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert gradient.dtype == dtype
    assert gradient.isfinite().all()
    assert gradient.count_nonzero() > 0
    exact = loss(input.to(dtype).double(), target)
    torch.testing.assert_close(value.double(), exact, rtol=0, atol=20 * torch.finfo(dtype).eps)


@every_row
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_gives_what_the_cpu_gives(make: MakeLoss) -> None:
    for layout in LAYOUTS.values():
        input, target = layout.pair()
        loss = make(**layout.options)
        expected = value_and_gradient(loss, input, target)
        value, gradient = value_and_gradient(loss.cuda(), input.cuda(), target.cuda())
        assert value.is_cuda
        torch.testing.assert_close((value.cpu(), gradient.cpu()), expected)


@every_row
@every_layout
def test_memory_layout_changes_nothing(make: MakeLoss, layout: Layout) -> None:
    input, target = layout.pair()
    loss = make(**layout.options)
    expected = value_and_gradient(loss, input, target)
    for order in ((0, *range(2, input.ndim), 1), tuple(reversed(range(input.ndim)))):
        back = tuple(int(axis) for axis in torch.tensor(order).argsort())
        strided = input.permute(order).contiguous().permute(back)
        assert not strided.is_contiguous()
        others = target.permute(order).contiguous().permute(back)
        torch.testing.assert_close(value_and_gradient(loss, strided, others), expected)


@pytest.mark.parametrize("make", THREADED.values(), ids=THREADED)
def test_threads_change_nothing(make: MakeLoss) -> None:
    layout = LAYOUTS["2D classes"]
    input, target = layout.pair(batch=4)
    expected = value_and_gradient(make(**layout.options, num_threads=1), input, target)
    for threads in (2, None, None):
        value, gradient = value_and_gradient(make(**layout.options, num_threads=threads), input, target)
        assert value.equal(expected[0])
        assert gradient.equal(expected[1])


@every_row
@pytest.mark.parametrize("ignore_index", [2, 255])
@pytest.mark.parametrize("spatial", [(6, 7), (4, 3, 5)])
def test_ignored_voxels_have_no_part(make: MakeLoss, spatial: tuple[int, ...], ignore_index: int) -> None:
    layout = Layout(spatial, CLASSES)
    input, target = layout.pair()
    target[:, :, 2:] = ignore_index
    ignored = (target == ignore_index).expand_as(input)
    other = torch.where(ignored, input.flip(2, 3), input)
    loss = make(**layout.options, ignore_index=ignore_index)
    value, gradient = value_and_gradient(loss, input, target)
    torch.testing.assert_close(value_and_gradient(loss, other, target), (value, gradient))
    assert (gradient[ignored] == 0).all()
    plain = make(**layout.options)
    assert not plain(input, target.clamp(max=2)).equal(plain(other, target.clamp(max=2)))


@pytest.mark.parametrize("loss", [loss for loss in LOSSES if issubclass(loss, ChannelLoss)])
def test_ignored_voxels_of_a_single_mask_have_no_part(loss: type[ChannelLoss]) -> None:
    input = torch.randn(2, 1, 6, 9)
    target = torch.zeros(2, 1, 6, 9)
    target[..., 1:3, 1:8] = 1
    target[..., 4:, :] = 255
    other = input.clone()
    other[..., 4:, :] = torch.randn(2, 9)
    of_others = loss(sigmoid=True, ignore_index=255)
    value, gradient = value_and_gradient(of_others, input, target)
    torch.testing.assert_close(value_and_gradient(of_others, other, target), (value, gradient))
    assert (gradient[..., 4:, :] == 0).all()


def test_data_parallel_processes_have_the_gradient_and_the_scores_of_the_whole_batch(tmp_path: Path) -> None:
    torch.multiprocessing.spawn(train, (tmp_path,), PROCESSES)
    expected = gradients(network(), 0, 2 * PROCESSES)
    assert set(expected) == set(ROWS)
    for rank in range(PROCESSES):
        torch.testing.assert_close(torch.load(tmp_path / f"{rank}.pt", weights_only=True), expected)
        torch.testing.assert_close(torch.load(tmp_path / f"metric{rank}.pt", weights_only=True), aggregated(0, 5))
