"""SkeletonRecallLoss: how much of the target's centrelines the prediction covers (Kirchhoff et al. 2024)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from monai.utils import LossReduction
from scipy.ndimage import binary_dilation, generate_binary_structure

from segtopo.errors import InputError
from segtopo.losses.channel_loss import ChannelLoss, ClassWeight, check_not_negative, not_compiled
from segtopo.masks.components import Mask
from segtopo.masks.skeletons import skeleton


class SkeletonRecallLoss(ChannelLoss):
    r"""One less the soft recall of the target's tubed skeleton.

    Thin vessels weigh as much as thick ones, and a break across a vessel as much as its length: far more than in
    Dice. Only the target is skeletonised, so there is no differentiable skeleton to compute, and the cost on the GPU is
    that of one multiplication. With the tube :math:`s` around the skeleton of a channel's target and the
    prediction :math:`x`

    .. math:: 1 - \frac{\sum x s + \epsilon}{\sum s + \epsilon}

    A recall alone is least where everything is foreground: keep Dice or cross entropy beside it.

    Skeletonising happens on the CPU, in the forward pass; for 128 voxels cubed it takes some tenths of a second. Where
    that is too slow, apply :func:`tubed_skeleton` to the masks beforehand, in the workers that load data, and set
    ``skeletonize=False``.

    Differences from the published code (github.com/MIC-DKFZ/Skeleton-Recall): 1 is added, so that a perfect
    recall costs 0; each class is skeletonised for itself, so that touching classes keep their own centrelines; an
    empty class costs 0; the mean over items and channels is taken last.

    Args:
        include_background: If False, channel 0 is left out; the skeleton of a background means little.
        to_onehot_y: Whether to turn a ``(B, 1, H, W[, D])`` label map into one channel per class of the
            input.
        sigmoid: Whether to apply a sigmoid to the input.
        softmax: Whether to apply a softmax over the channels of the input.
        other_act: Another activation to apply to the input; it should give probabilities.
        radius: By how many voxels the skeleton is widened, inside the mask.
        skeletonize: Whether to take the tubed skeleton of the target; if False, the target is one.
        smooth: The :math:`\epsilon`, above 0.
        reduction: ``"mean"`` or ``"sum"`` over items and channels, or ``"none"`` for ``(B, C, 1, 1[, 1])``.
        weight: Weights of the channels, see :class:`~segtopo.losses.channel_loss.ChannelLoss`.
        ignore_index: Label whose voxels count as background in input and target.

    Raises:
        TypeError: If ``other_act`` cannot be called.
        ValueError: If an option is out of its range, or more than one activation is asked for.

    Reference:
        Y. Kirchhoff et al.: Skeleton Recall Loss for Connectivity Conserving and Resource Efficient Segmentation of
        Thin Tubular Structures. ECCV 2024.

    Example:
        >>> import torch
        >>> target = torch.zeros(1, 1, 7, 12)
        >>> target[..., 2:5, 1:11] = 1
        >>> broken = target.clone()
        >>> broken[..., 5:7] = 0
        >>> loss = SkeletonRecallLoss(smooth=1e-5)
        >>> round(loss(target, target).item(), 3), round(loss(broken, target).item(), 3)
        (0.0, 0.2)
    """

    def __init__(
        self,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        other_act: Callable[[torch.Tensor], torch.Tensor] | None = None,
        radius: int = 2,
        skeletonize: bool = True,
        smooth: float = 1.0,
        reduction: LossReduction | str = LossReduction.MEAN,
        weight: ClassWeight = None,
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(include_background, to_onehot_y, sigmoid, softmax, other_act, reduction, weight, ignore_index)
        check_not_negative(radius=radius)
        if not smooth > 0:
            raise InputError(f"smooth is {smooth}, expected a number above 0.")
        self.radius = radius
        self.skeletonize = skeletonize
        self.smooth = smooth

    def channel_losses(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The losses ``(B, C)``, in float64 for a float64 prediction and in float32 otherwise."""
        prediction = prediction.to(torch.float64 if prediction.dtype == torch.float64 else torch.float32).flatten(2)
        tubes = (self._tubes(target) if self.skeletonize else target).to(prediction).flatten(2)
        covered = (prediction * tubes).sum(dim=2)
        return 1 - (covered + self.smooth) / (tubes.sum(dim=2) + self.smooth)

    @not_compiled
    def _tubes(self, target: torch.Tensor) -> torch.Tensor:
        masks = (target.detach() > 0.5).flatten(0, 1).cpu().numpy()
        tubes = np.stack([tubed_skeleton(mask, self.radius) for mask in masks])
        return torch.from_numpy(tubes).reshape(target.shape)


def tubed_skeleton(mask: Mask, radius: int = 2) -> Mask:
    """The skeleton of a mask, widened but not beyond the mask.

    Args:
        mask: 2D or 3D booleans.
        radius: How far to widen it, in voxels; diagonal steps count as one.

    Returns:
        Booleans of the same shape. Each component of the mask has a part of it.

    Example:
        >>> import numpy as np
        >>> mask = np.zeros((5, 8), bool)
        >>> mask[1:4, 1:7] = True
        >>> tubed_skeleton(mask, radius=1).astype(int)
        array([[0, 0, 0, 0, 0, 0, 0, 0],
               [0, 1, 1, 1, 1, 1, 1, 0],
               [0, 1, 1, 1, 1, 1, 1, 0],
               [0, 1, 1, 1, 1, 1, 0, 0],
               [0, 0, 0, 0, 0, 0, 0, 0]])
    """
    centreline = skeleton(mask)
    if radius == 0:
        return centreline
    widened: Mask = binary_dilation(centreline, generate_binary_structure(mask.ndim, mask.ndim), radius, mask=mask)
    return widened
