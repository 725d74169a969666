"""DIU: how far the inclusion of two masks' intersection in their union is from keeping every feature."""

from __future__ import annotations

from typing import Any

import torch

from segtopo.masks.components import Mask
from segtopo.masks.mask_comparison import count_differences
from segtopo.metrics.mask_metric import HomologyMetric, check_construction
from segtopo.metrics.masks import check_masks, foreground_channels, gather, single_masks
from segtopo.persistence import Construction


def compute_diu(
    y_pred: torch.Tensor,
    y: torch.Tensor,
    include_background: bool = True,
    construction: Construction = "T",
) -> torch.Tensor:
    """Count the topological features that prediction and reference do not share (Lux et al. 2025, in 3D as well).

    The sum of the dimensions of kernel and cokernel of the map that the inclusion of the masks' intersection in
    their union induces in homology. Unlike the Betti error it does not cancel a missed feature against a spurious
    one elsewhere, and it counts displacement: :func:`segtopo.matching.compare_masks` lists the errors without it.

    Args:
        y_pred: predicted binary masks (B, C, H, W[, D]), any dtype, any device.
        y: reference masks of the same shape.
        include_background: whether the first of several channels is scored as well.
        construction: ``"T"``, a foreground of full connectivity (8, 26); ``"V"``, of face connectivity (4, 6).

    Returns:
        A float tensor (B, C, ndim), one count per dimension, never NaN: two empty masks have 0, and against an
        empty mask the error is the other's Betti numbers.

    Raises:
        TypeError: an argument is not a tensor.
        ValueError: masks that are not binary or differ in shape, or an unknown construction.

    References:
        L. Lux et al., "Topograph: an efficient graph-based framework for strictly topology preserving image
        segmentation", ICLR 2025.

    Example:
        >>> import torch
        >>> left, right = torch.zeros(2, 1, 1, 3, 7)
        >>> left[..., :2], right[..., 5:] = 1, 1
        >>> compute_diu(left, right)  # one component missed and one spurious, although the Betti numbers agree
        tensor([[[2., 0.]]])
    """
    check_masks(y_pred=y_pred, y=y)
    check_construction(construction)
    y_pred, y = foreground_channels(y_pred, include_background), foreground_channels(y, include_background)
    return gather(
        [_diu(*masks, construction) for masks in zip(single_masks(y_pred), single_masks(y), strict=True)],
        y_pred,
        torch.float32,
    )


class DIUMetric(HomologyMetric):
    """:func:`compute_diu` accumulated over batches.

    The reductions work on items and channels and keep the dimensions apart: ``"mean"`` gives (ndim,).

    Args:
        include_background: whether the first of several channels is scored as well.
        reduction: how items and channels are reduced, see ``monai.metrics.DiceMetric``.
        get_not_nans: whether :meth:`aggregate` also returns the number of scores.
        construction: see :func:`compute_diu`.

    Example:
        >>> import torch
        >>> metric = DIUMetric()
        >>> scores = metric(torch.zeros(2, 1, 4, 5), torch.ones(2, 1, 4, 5))
        >>> metric.aggregate()
        tensor([1., 0.])
    """

    def _compute_tensor(self, y_pred: torch.Tensor, y: torch.Tensor, **_: Any) -> torch.Tensor:
        return compute_diu(y_pred, y, self.include_background, self.construction)


def _diu(prediction: Mask, reference: Mask, construction: Construction) -> list[int]:
    kernel, cokernel = count_differences(prediction, reference, construction)
    return [vanishing + appearing for vanishing, appearing in zip(kernel, cokernel, strict=True)]
