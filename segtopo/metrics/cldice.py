"""clDice: do the centrelines of each mask lie in the other?"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from segtopo.masks.components import Mask
from segtopo.masks.skeletons import skeleton
from segtopo.metrics.mask_metric import MaskMetric
from segtopo.metrics.masks import check_masks, foreground_channels, gather, single_masks


def compute_cldice(y_pred: torch.Tensor, y: torch.Tensor, include_background: bool = True) -> torch.Tensor:
    """Centreline Dice (Shit et al. 2021, clDice, CVPR).

    The harmonic mean of topology precision, the part of the prediction's skeleton inside the reference, and
    topology sensitivity, the part of the reference's skeleton inside the prediction. Skeletons are those of
    ``skimage.morphology.skeletonize`` (Zhang's in 2D, Lee's in 3D). Lee's thinning wipes out some components
    that are two voxels wide; such a component is its own skeleton here.

    Args:
        y_pred: predicted binary masks (B, C, H, W[, D]), any dtype, any device.
        y: reference masks of the same shape.
        include_background: whether the first of several channels is scored as well.

    Returns:
        A float tensor (B, C) in [0, 1], never NaN: 1 where both masks are empty, 0 where one of them is.

    Raises:
        TypeError: an argument is not a tensor.
        ValueError: masks that are not binary or differ in shape.

    Example:
        >>> import torch
        >>> vessel = torch.zeros(1, 1, 5, 12)
        >>> vessel[..., 1:4, 1:11] = 1
        >>> compute_cldice(vessel, vessel)
        tensor([[1.]])
    """
    check_masks(y_pred=y_pred, y=y)
    y_pred, y = foreground_channels(y_pred, include_background), foreground_channels(y, include_background)
    pairs = zip(single_masks(y_pred), single_masks(y), strict=True)
    return gather([_cldice(prediction, reference) for prediction, reference in pairs], y_pred, torch.float32)


class ClDiceMetric(MaskMetric):
    """:func:`compute_cldice` accumulated over batches.

    Args:
        include_background: whether the first of several channels is scored as well.
        reduction: how items and channels are reduced, see ``monai.metrics.DiceMetric``.
        get_not_nans: whether :meth:`aggregate` also returns the number of scores.

    Example:
        >>> import torch
        >>> metric = ClDiceMetric()
        >>> scores = metric(torch.zeros(2, 1, 4, 5), torch.ones(2, 1, 4, 5))
        >>> metric.aggregate()
        tensor([0.])
    """

    def _compute_tensor(self, y_pred: torch.Tensor, y: torch.Tensor, **_: Any) -> torch.Tensor:
        return compute_cldice(y_pred, y, self.include_background)


def _cldice(prediction: Mask, reference: Mask) -> float:
    if not (prediction.any() and reference.any()):
        return float(prediction.any() == reference.any())
    precision = _skeleton_inside(prediction, reference)
    sensitivity = _skeleton_inside(reference, prediction)
    total = precision + sensitivity
    return 2 * precision * sensitivity / total if total else 0.0


def _skeleton_inside(mask: Mask, other: Mask) -> float:
    """The part of a mask's skeleton that lies in the other mask."""
    centreline = skeleton(mask)
    return float(np.count_nonzero(centreline & other) / np.count_nonzero(centreline))
