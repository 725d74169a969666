"""SkeletonRecallLoss: the part of the target's centrelines that the prediction covers (Kirchhoff et al. 2024)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from segtopo.losses.calls import not_compiled
from segtopo.losses.channel_loss import ChannelLoss
from segtopo.losses.options import Positive, Steps
from segtopo.masks.components import Mask


@dataclass(eq=False, repr=False, kw_only=True)
class SkeletonRecallLoss(ChannelLoss):
    r"""One minus the soft recall of the target's tubed skeleton.

    Thin vessels count as much as thick ones, and a gap counts by its length along the vessel: far more than in Dice.
    Only the target is skeletonised, so no differentiable skeleton is needed, and the cost on the GPU is that of one
    multiplication. With the tube :math:`s` around the skeleton of a channel's target and the prediction :math:`x`

    .. math:: 1 - \frac{\sum x s + \epsilon}{\sum s + \epsilon}

    Recall alone is best where everything is foreground: keep Dice or cross entropy beside it.

    The skeleton is computed on the CPU, in the forward pass; 128 voxels cubed take some tenths of a second. If that
    is too slow, apply :func:`tubed_skeleton` to the masks in the data loader and set ``skeletonize=False``.

    All other options, and the errors, are those of :class:`~segtopo.losses.channel_options.ChannelOptions`. The
    skeleton of a background means little: leave it out. Ignored voxels are background.

    Args:
        radius: Width in voxels, up to 1000, by which the skeleton is dilated, inside the mask.
        skeletonize: If False, the target is a tubed skeleton already.
        smooth: The :math:`\epsilon`, above 0.

    References:
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

    #: For TopologyWeight. Its gradient is on all centrelines, and only gives foreground: more of it costs Dice.
    default_ratio: ClassVar[float] = 0.5

    radius: Steps = 2
    skeletonize: bool = True
    smooth: Positive = 1.0

    def channel_losses(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Computes the losses ``(B, C)`` of probabilities and targets ``(B, C, H, W[, D])``."""
        # Booleans travel to the device before they become numbers: a quarter of the bytes.
        tubes = self._tubes(target).to(prediction.device).to(prediction.dtype) if self.skeletonize else target
        tubes = tubes.flatten(2)
        covered = (prediction.flatten(2) * tubes).sum(dim=2)
        return 1 - (covered + self.smooth) / (tubes.sum(dim=2) + self.smooth)

    @not_compiled
    def _tubes(self, target: torch.Tensor) -> torch.Tensor:
        masks = (target.detach() > 0.5).flatten(0, 1).cpu().numpy()
        tubes = np.stack([tubed_skeleton(mask, self.radius) for mask in masks])
        return torch.from_numpy(tubes).reshape(target.shape)


def tubed_skeleton(mask: Mask, radius: int = 2) -> Mask:
    """Returns the skeleton of a mask, dilated inside the mask.

    Args:
        mask: 2D or 3D booleans.
        radius: Width of the dilation in voxels; diagonal steps count as one.

    Returns:
        Booleans of the same shape. They meet each component of the mask.

    Example:
        >>> import numpy as np
        >>> mask = np.zeros((5, 8), bool)
        >>> mask[1:4, 1:7] = True
        >>> tubed_skeleton(mask, radius=1).astype(int)
        array([[0, 0, 0, 0, 0, 0, 0, 0],
               [0, 1, 1, 1, 1, 1, 1, 0],
               [0, 1, 1, 1, 1, 1, 1, 0],
               [0, 1, 1, 1, 1, 1, 1, 0],
               [0, 0, 0, 0, 0, 0, 0, 0]])
    """
    # Both load libraries that no other loss needs.
    from scipy.ndimage import binary_dilation, generate_binary_structure

    from segtopo.masks.skeletons import skeleton

    centreline = skeleton(mask)
    if radius == 0:
        return centreline
    widened: Mask = binary_dilation(centreline, generate_binary_structure(mask.ndim, mask.ndim), radius, mask=mask)
    return widened
