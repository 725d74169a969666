"""What all losses share, on one whose value is plain to see: activations, targets, reductions, weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from segtopo.losses.channel_loss import ChannelLoss


class SquaredSum(ChannelLoss):
    """The square of each channel's mean difference: a loss whose value is plain to see."""

    def channel_losses(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return (prediction - target).flatten(2).mean(dim=2) ** 2


def random_pair(channels: int, labels: int, *spatial: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    target = torch.randint(0, labels, (2, 1, *spatial), generator=generator)
    return torch.rand(2, channels, *spatial, generator=generator), target


@pytest.mark.parametrize("spatial", [(4, 5), (3, 4, 5)])
def test_reductions(spatial: tuple[int, ...]) -> None:
    prediction, _ = random_pair(3, 2, *spatial)
    target = torch.ones_like(prediction)
    single = (1 - prediction.flatten(2).mean(2)) ** 2
    none = SquaredSum(reduction="none")(prediction, target)
    assert none.shape == (2, 3, *[1] * len(spatial))
    torch.testing.assert_close(none.flatten(1), single)
    torch.testing.assert_close(SquaredSum(reduction="sum")(prediction, target), single.sum())
    torch.testing.assert_close(SquaredSum()(prediction, target), single.mean())


def prepared(prediction: torch.Tensor, target: torch.Tensor, **options: Any) -> list[torch.Tensor]:
    """The prediction and the target that a loss compares."""
    return list(SquaredSum(**options).prepare(prediction, target))


def test_activations_match_torch() -> None:
    prediction, _ = random_pair(3, 2, 4, 5)
    target = torch.zeros_like(prediction)
    torch.testing.assert_close(prepared(prediction, target, sigmoid=True)[0], prediction.sigmoid())
    torch.testing.assert_close(prepared(prediction, target, softmax=True)[0], prediction.softmax(1))
    torch.testing.assert_close(prepared(prediction, target, other_act=torch.tanh)[0], prediction.tanh())
    assert prepared(prediction, target)[0].equal(prediction)


def test_one_hot_and_background() -> None:
    prediction, labels = random_pair(3, 3, 4, 5)
    expected = torch.stack([labels[:, 0] == c for c in range(3)], dim=1).float()
    assert prepared(prediction, labels, to_onehot_y=True)[1].equal(expected)
    cut_prediction, cut = prepared(prediction, labels, to_onehot_y=True, include_background=False)
    assert cut.equal(expected[:, 1:])
    assert cut_prediction.equal(prediction[:, 1:])


@pytest.mark.parametrize("ignore_index", [2, 255, -1])
def test_ignored_labels_are_zero_on_both_sides(ignore_index: int) -> None:
    prediction, labels = random_pair(3, 3, 4, 5)
    labels[:, :, 1] = ignore_index
    ignored = (labels == ignore_index).expand_as(prediction)
    masked, target = prepared(prediction, labels, to_onehot_y=True, ignore_index=ignore_index)
    assert (masked[ignored] == 0).all()
    assert (target[ignored] == 0).all()
    assert masked[~ignored].equal(prediction[~ignored])
    assert (target.sum(1, keepdim=True) == (labels != ignore_index)).all()


def test_one_hot_targets_with_a_sentinel_ignore_the_voxels_of_no_class() -> None:
    prediction, labels = random_pair(3, 3, 4, 5)
    target = torch.stack([labels[:, 0] == c for c in range(3)], dim=1).float()
    target[:, :, 1] = 0
    masked, _ = prepared(prediction, target, ignore_index=255)
    assert (masked[:, :, 1] == 0).all()
    assert (masked[:, :, 0] > 0).all()


@pytest.mark.parametrize(("weight", "factors"), [(2.0, [2.0, 2.0, 2.0]), ([1.0, 0.0, 3.0], [1.0, 0.0, 3.0])])
def test_channel_weights(weight: Any, factors: list[float]) -> None:
    prediction, _ = random_pair(3, 2, 4, 5)
    target = torch.zeros_like(prediction)
    plain = SquaredSum(reduction="none")(prediction, target).flatten(1)
    weighted = SquaredSum(reduction="none", weight=weight)(prediction, target).flatten(1)
    torch.testing.assert_close(weighted, plain * torch.tensor(factors))


def test_a_single_channel_is_not_weighted() -> None:
    prediction, target = random_pair(1, 2, 4, 5)
    assert SquaredSum(weight=5.0)(prediction, target).equal(SquaredSum()(prediction, target))
