"""DeepSupervisionLoss: sums by hand, and the scale below which the topology is left out."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from monai.losses import DiceCELoss

from segtopo.errors import InputError
from segtopo.losses import BettiMatchingLoss, CombinedTopologyLoss, DeepSupervisionLoss, TopologySchedule

SPATIAL = [(16, 24), (8, 12), (4, 6)]
OPTIONS: dict[str, Any] = {"softmax": True, "to_onehot_y": True}


def outputs(dtype: torch.dtype = torch.float32) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(2, 3, *spatial, generator=generator, dtype=dtype) for spatial in SPATIAL]


def labels() -> torch.Tensor:
    return torch.randint(0, 3, (2, 1, *SPATIAL[0]), generator=torch.Generator().manual_seed(1))


def targets() -> list[torch.Tensor]:
    """The label of every output, of the voxels nearest to the middle of the larger ones."""
    return [F.interpolate(labels().float(), size=spatial, mode="nearest-exact") for spatial in SPATIAL]


def one_level(reduction: str = "mean") -> CombinedTopologyLoss:
    topology = BettiMatchingLoss(**OPTIONS, reduction=reduction)
    return CombinedTopologyLoss(**OPTIONS, topology_loss=topology, lambda_topology=0.1, reduction=reduction)


@pytest.mark.parametrize(("scale", "levels"), [(1.0, 1), (0.51, 1), (0.5, 2), (0.25, 3)])
def test_the_topology_of_outputs_that_are_fine_enough(scale: float, levels: int) -> None:
    loss = one_level()
    terms = [
        (loss if level < levels else loss.without_topology)(x, y)
        for level, (x, y) in enumerate(zip(outputs(), targets(), strict=True))
    ]
    expected = terms[0] + 0.5 * terms[1] + 0.25 * terms[2]
    torch.testing.assert_close(DeepSupervisionLoss(loss, topology_scale=scale)(outputs(), labels()), expected)


def test_the_scale_is_that_of_the_most_reduced_axis() -> None:
    loss, finest, reduced = one_level(), outputs()[0], torch.randn(2, 3, 16, 6)
    flat = F.interpolate(labels().float(), size=(16, 6), mode="nearest-exact")
    for scale, of_reduced in ((0.25, loss), (0.5, loss.without_topology)):
        expected = loss(finest, labels()) + 0.5 * of_reduced(reduced, flat)
        result = DeepSupervisionLoss(loss, topology_scale=scale)([finest, reduced], labels())
        torch.testing.assert_close(result, expected)


def test_weights_and_targets_of_ones_own() -> None:
    loss = one_level()
    expected = 2 * loss(outputs()[0], targets()[0]) + 3 * loss.without_topology(outputs()[2], targets()[2])
    own = DeepSupervisionLoss(loss, weights=[2.0, 0.0, 3.0])
    torch.testing.assert_close(own(outputs(), labels()), expected)
    torch.testing.assert_close(own(outputs(), targets()), expected)
    torch.testing.assert_close(own(tuple(outputs()), labels().to(torch.uint8)), expected)


def test_a_single_output_is_no_change() -> None:
    loss = one_level()
    torch.testing.assert_close(DeepSupervisionLoss(loss)(outputs()[0], labels()), loss(outputs()[0], labels()))


def test_without_reduction_channels_stay_apart() -> None:
    losses = DeepSupervisionLoss(one_level("none"))(outputs(), labels())
    assert losses.shape == (2, 3, 1, 1)
    torch.testing.assert_close(losses.mean(), DeepSupervisionLoss(one_level())(outputs(), labels()))


def test_components_are_those_of_the_finest_output() -> None:
    loss = one_level()
    loss(outputs()[0], labels())
    alone = loss.components
    DeepSupervisionLoss(loss)(outputs(), labels())
    assert loss.components == alone
    assert "topology" in alone


def test_the_epoch_is_passed_on() -> None:
    loss = CombinedTopologyLoss(**OPTIONS, lambda_topology=0.1, schedule=TopologySchedule(1))
    supervised = DeepSupervisionLoss(loss)
    supervised.set_epoch(0)
    assert loss.topology_weight == 0
    supervised.set_epoch(1)
    assert loss.topology_weight == pytest.approx(0.1)


def test_every_output_has_a_gradient() -> None:
    levels = [x.requires_grad_() for x in outputs(torch.float64)]
    DeepSupervisionLoss(one_level())(levels, labels()).backward()
    assert all(x.grad is not None and x.grad.count_nonzero() > 0 for x in levels)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"topology_scale": 0.0}, "topology_scale: got 0.0, expected a number > 0 and <= 1"),
        ({"topology_scale": 2.0}, "topology_scale: got 2.0"),
        ({"weights": [1.0, -1.0]}, r"weights: got \[1.0, -1.0\], expected a list .each: a number >= 0"),
    ],
)
def test_ill_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        DeepSupervisionLoss(one_level(), **options)


def test_one_weight_and_one_target_for_each_output() -> None:
    with pytest.raises(InputError, match="weights: got 2 values, expected 3, one for each output"):
        DeepSupervisionLoss(one_level(), weights=[1.0, 1.0])(outputs(), labels())
    with pytest.raises(InputError, match="target: got 2 values, expected 3, one for each output"):
        DeepSupervisionLoss(one_level())(outputs(), targets()[:2])


def test_any_loss_with_any_topology() -> None:
    base, topology = DiceCELoss(**OPTIONS), BettiMatchingLoss(**OPTIONS)
    schedule = TopologySchedule(start_epoch=1, ramp_epochs=1)
    loss = DeepSupervisionLoss(base, topology, lambda_topology=0.1, schedule=schedule)
    without = sum(0.5**level * base(x, y) for level, (x, y) in enumerate(zip(outputs(), targets(), strict=True)))
    of_finest = topology(outputs()[0], labels())
    for epoch, weight in [(0, 0.0), (1, 0.05), (2, 0.1)]:
        loss.set_epoch(epoch)
        torch.testing.assert_close(loss(outputs(), labels()), without + weight * of_finest)


def test_stacked_outputs_are_those_of_a_list() -> None:
    resized = [F.interpolate(x, size=SPATIAL[0], mode="nearest") for x in outputs()]
    loss = DeepSupervisionLoss(one_level())
    expected = one_level()(resized[0], labels())
    for level in (1, 2):
        expected = expected + 0.5**level * one_level().without_topology(resized[level], labels())
    torch.testing.assert_close(loss(torch.stack(resized, dim=1), labels()), expected)
