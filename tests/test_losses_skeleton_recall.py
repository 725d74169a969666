"""SkeletonRecallLoss and the tubed skeleton: values by hand, and a naive computation beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage

from segtopo.errors import InputError
from segtopo.losses import SkeletonRecallLoss, tubed_skeleton
from segtopo.masks.skeletons import skeleton


def line(length: int = 10, *spatial: int) -> torch.Tensor:
    """A line one voxel wide, which is its own skeleton."""
    target = torch.zeros(1, 1, *(spatial or (5, 14)))
    target[..., 2, 2 : 2 + length] = 1
    return target


@pytest.mark.parametrize(
    ("value", "options", "expected"),
    [
        (1.0, {}, 0.0),
        (0.0, {}, 1 - 1 / 11),
        (0.0, {"smooth": 10.0}, 0.5),
        (0.3, {}, 1 - (3 + 1) / 11),
        (0.3, {"smooth": 1e-6}, 0.7),
    ],
)
def test_values_by_hand(value: float, options: dict[str, Any], expected: float) -> None:
    assert SkeletonRecallLoss(**options)(line() * value, line()).item() == pytest.approx(expected, abs=1e-6)


def test_only_the_tube_counts() -> None:
    target = line()
    everywhere = torch.ones_like(target)
    assert SkeletonRecallLoss()(everywhere, target).item() == 0
    broken = target.clone()
    broken[..., 5:8] = 0
    assert SkeletonRecallLoss(smooth=1e-6)(broken, target).item() == pytest.approx(0.3)


def test_thin_vessels_weigh_as_much_as_thick_ones() -> None:
    thin, thick = torch.zeros(2, 1, 1, 21, 120).unbind()
    thin[..., 10, :] = thick[..., 3:18, :] = 1
    losses = []
    for target in (thin, thick):
        broken = target.clone()
        broken[..., 45:75] = 0
        losses.append(SkeletonRecallLoss(radius=0, smooth=1e-6)(broken, target).item())
    assert losses[0] == pytest.approx(0.25)
    assert losses[1] == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize("shape", [(30, 41), (14, 17, 20)])
@pytest.mark.parametrize("radius", [0, 1, 3])
def test_the_tube_is_the_dilated_skeleton_inside_the_mask(shape: tuple[int, ...], radius: int) -> None:
    mask = ndimage.gaussian_filter(np.random.default_rng(0).standard_normal(shape), 2.5) > 0
    tube = tubed_skeleton(mask, radius)
    expected = skeleton(mask)
    for _ in range(radius):
        expected = ndimage.maximum_filter(expected, 3) & mask
    assert expected.any()
    np.testing.assert_array_equal(tube, expected)


def test_every_component_has_a_part_of_the_skeleton() -> None:
    mask = np.zeros((8, 9, 10), dtype=bool)
    mask[1:3, 1:3, 1:3] = mask[5:7, 5:7, 2:8] = True  # two voxels wide: they have no voxel in the middle
    labels, count = ndimage.label(mask)
    assert set(labels[tubed_skeleton(mask, 0)]) == set(range(1, count + 1))


@pytest.mark.parametrize("spatial", [(12, 19), (9, 10, 11)])
def test_tubes_can_be_made_beforehand(spatial: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(0)
    prediction = torch.rand(2, 3, *spatial, generator=generator)
    masks = (torch.rand(2, 3, *spatial, generator=generator) > 0.3).float()
    tubes = np.stack([[tubed_skeleton(channel.numpy() > 0) for channel in item] for item in masks])
    beforehand = SkeletonRecallLoss(skeletonize=False)(prediction, torch.from_numpy(tubes))
    torch.testing.assert_close(SkeletonRecallLoss()(prediction, masks), beforehand)


def test_touching_classes_have_skeletons_of_their_own() -> None:
    labels = torch.ones(1, 1, 10, 20)
    labels[..., 5:, :] = 2
    logits = torch.zeros(1, 3, 10, 20)
    losses = SkeletonRecallLoss(to_onehot_y=True, softmax=True, include_background=False, reduction="none")
    logits[:, 1] = 50
    torch.testing.assert_close(losses(logits, labels).flatten()[0], torch.tensor(0.0))
    assert losses(logits, labels).flatten()[1] > 0.9


def test_the_gradient_is_on_the_tube_alone() -> None:
    target = torch.zeros(1, 1, 15, 20)
    target[..., 2:13, 2:18] = 1
    prediction = torch.rand(target.shape, requires_grad=True)
    SkeletonRecallLoss(radius=1)(prediction, target).backward()
    assert prediction.grad is not None
    assert ((prediction.grad < 0).numpy()[0, 0] == tubed_skeleton(target.numpy()[0, 0] > 0, 1)).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"radius": -1}, "radius: got -1, expected an integer >= 0"),
        ({"smooth": 0.0}, "smooth: got 0.0, expected a number > 0"),
    ],
)
def test_ill_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SkeletonRecallLoss(**options)
