"""clDice: the Dice coefficient of centrelines."""

from __future__ import annotations

import torch

from segtopo.masks.dice import cldice
from segtopo.metrics.mask_batches import score_pairs
from segtopo.metrics.mask_metric import MaskMetric


def compute_cldice(
    y_pred: torch.Tensor,
    y: torch.Tensor,
    include_background: bool = True,
    *,
    ignore_empty: bool = False,
    ignore_index: int | None = None,
) -> torch.Tensor:
    """Computes the centreline Dice of prediction and reference (Shit et al. 2021).

    It is the harmonic mean of topology precision, the share of the prediction's skeleton inside the reference, and
    topology sensitivity, the share of the reference's skeleton inside the prediction. A skeleton has the components,
    loops and cavities of its mask (8- or 26-connected). On real vessels the values differ from those with
    ``skimage.morphology.skeletonize`` by some thousandths; that function loses vessels two or four voxels wide.

    Args:
        y_pred: Predicted binary masks (B, C, H, W[, D]) of any dtype, on any device.
        y: Reference masks of the same shape.
        include_background: Whether the first of several channels is scored as well.
        ignore_empty: Whether the score of an empty reference mask is NaN, as in ``monai.metrics.DiceMetric``.
        ignore_index: As in MONAI's metrics. With one channel, ``y`` has this value where voxels do not count. With
            several, the voxels of this class do not count and its score is NaN; a number of no class leaves out the
            voxels without a class. None: all voxels count.

    Returns:
        A float tensor (B, C) in [0, 1]: 1 where both masks are empty, 0 where one of them is. NaN only for the class
        ``ignore_index``, and by ``ignore_empty``.

    Raises:
        TypeError: An argument is not a dense tensor.
        InputError: The masks are not binary or differ in shape.

    References:
        S. Shit et al., "clDice: a novel topology-preserving loss function for tubular structure segmentation",
        CVPR 2021.

    Example:
        >>> import torch
        >>> vessel = torch.zeros(1, 1, 5, 12)
        >>> vessel[..., 1:4, 1:11] = 1
        >>> compute_cldice(vessel, vessel)
        tensor([[1.]])
    """
    return score_pairs(cldice, y_pred, y, include_background, ignore_empty, ignore_index)


class ClDiceMetric(MaskMetric):
    """:func:`compute_cldice` accumulated over batches; higher is better.

    Args:
        include_background: Whether the first of several channels is scored as well.
        reduction: Reduction over items and channels, see ``monai.metrics.DiceMetric``.
        get_not_nans: Whether :meth:`aggregate` also returns the number of scores that are not NaN.
        ignore_empty: Whether the score of an empty reference mask is NaN.
        ignore_index: Class whose voxels do not count, or their value; see :func:`compute_cldice`.

    Example:
        >>> import torch
        >>> metric = ClDiceMetric()
        >>> scores = metric(torch.zeros(2, 1, 4, 5), torch.ones(2, 1, 4, 5))
        >>> metric.aggregate()
        tensor([0.])
    """

    def _compute_tensor(self, y_pred: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return compute_cldice(y_pred, y, **self.options)
