"""SoftclDiceLoss: MONAI's, for each channel of each item (Shit et al. 2021)."""

from __future__ import annotations

from collections.abc import Callable

import monai.losses
import torch
from monai.utils import LossReduction

from segtopo.errors import InputError
from segtopo.losses.channel_loss import ChannelLoss, ClassWeight


class SoftclDiceLoss(ChannelLoss):
    """:class:`monai.losses.SoftclDiceLoss` with the conventions of all other losses.

    MONAI's sums over channels before it forms the ratios, so that the class with the most voxels hides the others, and
    its ``reduction="none"`` gives no value per channel; it knows neither ``weight`` nor ``ignore_index``, and fails
    for label maps of integers. Here every channel of every item is given to it alone.

    Args:
        include_background: If False, channel 0 is left out.
        to_onehot_y: Whether to turn a ``(B, 1, H, W[, D])`` label map into one channel per class of the
            input.
        sigmoid: Whether to apply a sigmoid to the input.
        softmax: Whether to apply a softmax over the channels of the input.
        other_act: Another activation to apply to the input; it should give probabilities.
        iter_: Steps of the soft skeletonisation, at least the radius of the thickest structure in voxels.
        smooth: Added to numerators and denominators, above 0.
        reduction: ``"mean"`` or ``"sum"`` over items and channels, or ``"none"`` for ``(B, C, 1, 1[, 1])``.
        weight: Weights of the channels, see :class:`~segtopo.losses.channel_loss.ChannelLoss`.
        ignore_index: Label whose voxels count as background in input and target.

    Raises:
        TypeError: If ``other_act`` cannot be called, or ``iter_`` is no integer.
        ValueError: If an option is out of its range, or more than one activation is asked for.

    Reference:
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

    def __init__(
        self,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        other_act: Callable[[torch.Tensor], torch.Tensor] | None = None,
        iter_: int = 3,
        smooth: float = 1.0,
        reduction: LossReduction | str = LossReduction.MEAN,
        weight: ClassWeight = None,
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(include_background, to_onehot_y, sigmoid, softmax, other_act, reduction, weight, ignore_index)
        if not smooth > 0:
            raise InputError(f"smooth is {smooth}, expected a number above 0.")
        self.of_one_channel = monai.losses.SoftclDiceLoss(
            iter_=iter_, smooth_nr=smooth, smooth_dr=smooth, reduction="none"
        )

    def channel_losses(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The losses ``(B, C)``, in float64 for a float64 prediction and in float32 otherwise."""
        prediction = prediction.to(torch.float64 if prediction.dtype == torch.float64 else torch.float32)
        pair = (channels.flatten(0, 1)[:, None] for channels in (prediction, target.to(prediction)))
        losses: torch.Tensor = self.of_one_channel(*pair)
        return losses.reshape(prediction.shape[:2])
