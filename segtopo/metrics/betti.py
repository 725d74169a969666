"""Betti numbers of masks, and their error."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from segtopo.masks.components import Mask
from segtopo.metrics.mask_metric import HomologyMetric, check_construction
from segtopo.metrics.masks import check_masks, foreground_channels, gather, single_masks
from segtopo.persistence import Construction
from segtopo.persistence.barcodes import cubical_barcodes


def compute_betti_numbers(y: torch.Tensor, construction: Construction = "T") -> torch.Tensor:
    """Count the components, loops and (3D) cavities of binary masks.

    Args:
        y: binary masks (B, C, H, W[, D]), any dtype, any device.
        construction: ``"T"``, a foreground of full connectivity (8 in 2D, 26 in 3D) before a background of
            face connectivity; ``"V"``, a foreground of face connectivity (4, 6) before a background of full
            connectivity.

    Returns:
        A long tensor (B, C, ndim) of the Betti numbers in dimensions 0 to ndim - 1, on the device of ``y``.
        The outside of the image is background and no cavity; an empty mask has Betti numbers 0.

    Raises:
        TypeError: ``y`` is not a tensor.
        ValueError: ``y`` is not binary or has another shape, or the construction is unknown.

    Example:
        >>> import torch
        >>> ring = torch.ones(1, 1, 3, 4)
        >>> ring[..., 1, 1:3] = 0
        >>> compute_betti_numbers(ring)
        tensor([[[1, 1]]])
    """
    check_masks(y=y)
    check_construction(construction)
    return gather([_betti_numbers(mask, construction) for mask in single_masks(y)], y, torch.long)


def compute_betti_error(
    y_pred: torch.Tensor,
    y: torch.Tensor,
    include_background: bool = True,
    construction: Construction = "T",
) -> torch.Tensor:
    """Absolute difference of the Betti numbers of prediction and reference (Hu et al. 2019, without patches).

    Args:
        y_pred: predicted binary masks (B, C, H, W[, D]).
        y: reference masks of the same shape.
        include_background: whether the first of several channels is scored as well.
        construction: see :func:`compute_betti_numbers`.

    Returns:
        A float tensor (B, C, ndim), one error per dimension, never NaN: two empty masks have error 0, and
        against an empty mask the error is the other's Betti numbers.

    Raises:
        TypeError: an argument is not a tensor.
        ValueError: masks that are not binary or differ in shape, or an unknown construction.

    Example:
        >>> import torch
        >>> whole = torch.ones(1, 1, 2, 5)
        >>> broken = whole.clone()
        >>> broken[..., 2] = 0
        >>> compute_betti_error(broken, whole)
        tensor([[[1., 0.]]])
    """
    check_masks(y_pred=y_pred, y=y)
    predicted = compute_betti_numbers(foreground_channels(y_pred, include_background), construction)
    expected = compute_betti_numbers(foreground_channels(y, include_background), construction)
    return (predicted - expected.to(predicted.device)).abs().float()


class BettiErrorMetric(HomologyMetric):
    """:func:`compute_betti_error` accumulated over batches.

    The reductions work on items and channels and keep the dimensions apart: ``"mean"`` gives (ndim,).

    Args:
        include_background: whether the first of several channels is scored as well.
        reduction: how items and channels are reduced, see ``monai.metrics.DiceMetric``.
        get_not_nans: whether :meth:`aggregate` also returns the number of scores.
        construction: see :func:`compute_betti_numbers`.

    Example:
        >>> import torch
        >>> metric = BettiErrorMetric()
        >>> scores = metric(torch.zeros(2, 1, 4, 5), torch.ones(2, 1, 4, 5))
        >>> metric.aggregate()
        tensor([1., 0.])
    """

    def _compute_tensor(self, y_pred: torch.Tensor, y: torch.Tensor, **_: Any) -> torch.Tensor:
        return compute_betti_error(y_pred, y, self.include_background, self.construction)


def _betti_numbers(mask: Mask, construction: Construction) -> list[int]:
    """The classes of the foreground alone: those that live when nothing else enters."""
    bytes_ = np.ascontiguousarray(mask).view(np.uint8)
    classes = cubical_barcodes(bytes_[None], "superlevel", construction, last_value=1)
    numbers: list[int] = np.bincount(classes.dimension, minlength=mask.ndim).tolist()
    return numbers
