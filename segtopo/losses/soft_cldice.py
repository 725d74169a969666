"""SoftclDiceLoss: MONAI's soft clDice, for each channel of each item (Shit et al. 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import monai.losses
import torch

from segtopo.losses.channel_loss import ChannelLoss
from segtopo.losses.options import ClassWeight, Positive, Steps


@dataclass(eq=False, repr=False, kw_only=True)
class SoftclDiceLoss(ChannelLoss):
    """:class:`monai.losses.SoftclDiceLoss` with the conventions of all other losses.

    MONAI's loss sums over channels before it forms the ratios, so the class with the most voxels hides the others. Its
    ``reduction="none"`` gives no value per channel. It has no ``weight`` and no ``ignore_index``, and fails for label
    maps of integers. This class applies it to every channel of every item alone.

    All other options, and the errors, are those of :class:`~segtopo.losses.channel_options.ChannelOptions`.
    Ignored voxels are background.

    Args:
        iter_: Steps of the soft skeletonisation, at most 1000 and at least the radius of the thickest structure
            in voxels.
        smooth: Added to numerators and denominators, above 0.

    References:
        S. Shit et al.: clDice - a Novel Topology-Preserving Loss Function for Tubular Structure Segmentation. CVPR
        2021.

    Example:
        >>> import torch
        >>> target = torch.zeros(1, 2, 7, 12)
        >>> target[:, :, 2:5, 1:11] = 1
        >>> prediction = target.clone()
        >>> prediction[:, 1, :, 5:7] = 0  # the second class is broken
        >>> SoftclDiceLoss(reduction="none")(prediction, target).flatten().round(decimals=2).abs()
        tensor([0.0000, 0.1300])
    """

    #: For TopologyWeight. Its gradient is on all voxels: more of it costs Dice.
    default_ratio: ClassVar[float] = 0.5

    iter_: Steps = 3
    smooth: Positive = 1.0

    def __post_init__(self, weight: ClassWeight) -> None:
        super().__post_init__(weight)
        self.of_one_channel = monai.losses.SoftclDiceLoss(
            iter_=self.iter_, smooth_nr=self.smooth, smooth_dr=self.smooth, reduction="none"
        )

    def channel_losses(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Computes the losses ``(B, C)`` of probabilities and targets ``(B, C, H, W[, D])``."""
        single_channels = (channels.flatten(0, 1)[:, None] for channels in (prediction, target))
        losses: torch.Tensor = self.of_one_channel(*single_channels)
        return losses.reshape(prediction.shape[:2])
