"""SoftclDiceLoss: MONAI's for every channel alone, and what MONAI's own reduction hides."""

from __future__ import annotations

import monai.losses
import pytest
import torch

from segtopo.errors import InputError
from segtopo.losses import SoftclDiceLoss


def vessels(*spatial: int) -> torch.Tensor:
    """Two items of three channels, with tubes of different lengths."""
    target = torch.zeros(2, 3, *spatial)
    for item in range(2):
        for channel in range(3):
            target[item, channel, ..., 3:6, 1 : 4 + 3 * channel + item] = 1
    return target


@pytest.mark.parametrize("spatial", [(9, 13), (7, 9, 13)])
@pytest.mark.parametrize("smooth", [1.0, 0.1])
def test_each_channel_has_the_value_of_monai_for_it_alone(spatial: tuple[int, ...], smooth: float) -> None:
    target = vessels(*spatial)
    prediction = torch.rand(target.shape, generator=torch.Generator().manual_seed(0))
    losses = SoftclDiceLoss(smooth=smooth, reduction="none")(prediction, target)
    assert losses.shape == (2, 3, *[1] * len(spatial))
    alone = monai.losses.SoftclDiceLoss(smooth_nr=smooth, smooth_dr=smooth)
    for item in range(2):
        for channel in range(3):
            chosen = (slice(item, item + 1), slice(channel, channel + 1))
            torch.testing.assert_close(losses[chosen].squeeze(), alone(prediction[chosen], target[chosen]))


def test_a_small_class_is_not_hidden_by_a_large_one() -> None:
    target = torch.zeros(1, 2, 40, 60)
    target[:, 0, 5:10, 2:58] = 1
    target[:, 1, 20, 5:15] = 1
    prediction = target.clone()
    prediction[:, 1] = 0  # missed altogether
    assert SoftclDiceLoss(smooth=1e-3)(prediction, target).item() > 0.4
    assert monai.losses.SoftclDiceLoss(smooth_nr=1e-3, smooth_dr=1e-3)(prediction, target).item() < 0.25


def test_label_maps_of_integers() -> None:
    labels = torch.zeros(1, 1, 9, 13, dtype=torch.int64)
    labels[..., 3:6, 2:11] = 1
    logits = torch.zeros(1, 2, 9, 13)
    logits[:, 1] = 20.0 * labels[:, 0] - 10
    loss = SoftclDiceLoss(softmax=True, to_onehot_y=True, include_background=False)
    assert loss(logits, labels).item() == pytest.approx(0, abs=1e-3)


def test_ill_options() -> None:
    with pytest.raises(InputError, match="smooth: got 0, expected a number > 0"):
        SoftclDiceLoss(smooth=0)
    with pytest.raises(TypeError, match=r"iter_: got 1.5, expected an integer >= 0"):
        SoftclDiceLoss(iter_=1.5)  # type: ignore[arg-type]
