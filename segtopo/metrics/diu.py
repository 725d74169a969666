"""DIU, the Discrepancy between Intersection and Union: the features that two masks do not share."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from segtopo.masks.components import Mask
from segtopo.masks.diu import discrepancy
from segtopo.metrics.mask_batches import choose_dimensions, score_pairs
from segtopo.metrics.mask_metric import HomologyMetric
from segtopo.persistence import Construction


def compute_diu(
    y_pred: torch.Tensor,
    y: torch.Tensor,
    include_background: bool = True,
    *,
    dimensions: Sequence[int] | None = None,
    reduce_dimensions: bool = True,
    construction: Construction = "T",
    num_threads: int | None = None,
    ignore_empty: bool = False,
    ignore_index: int | None = None,
) -> torch.Tensor:
    """Counts the topological features that prediction and reference do not share, in 2D and 3D.

    DIU is the Discrepancy between Intersection and Union (Lux et al. 2025): the inclusion of the masks' intersection in
    their union induces a map in homology, and DIU is the sum of the dimensions of its kernel and cokernel. Unlike the
    Betti error, a missed feature and a spurious feature at another position do not cancel. DIU also counts
    displacement; :func:`segtopo.masks.compare_masks` lists the errors without it.

    Args:
        y_pred: Predicted binary masks (B, C, H, W[, D]) of any dtype, on any device.
        y: Reference masks of the same shape.
        include_background: Whether the first of several channels is scored as well.
        dimensions: The dimensions of the features that count: 0 components, 1 loops, 2 cavities (3D). None: all.
        reduce_dimensions: Whether to add the errors of the dimensions.
        construction: ``"T"``: the foreground is 8- or 26-connected. ``"V"``: it is 4- or 6-connected.
        num_threads: Threads to use; by default the number of CPUs. The result does not depend on it.
        ignore_empty: Whether the score of an empty reference mask is NaN, as in ``monai.metrics.DiceMetric``.
        ignore_index: As in MONAI's metrics. With one channel, ``y`` has this value where voxels do not count. With
            several, the voxels of this class do not count and its score is NaN; a number of no class leaves out the
            voxels without a class. None: all voxels count.

    Returns:
        A float tensor (B, C), the sum over the dimensions; with ``reduce_dimensions=False`` (B, C, K), one count for
        each of the K dimensions. Two empty masks have 0, and against an empty mask the error is the other mask's Betti
        numbers. NaN only for the class ``ignore_index``, and by ``ignore_empty``.

    Raises:
        TypeError: An argument is not a dense tensor.
        InputError: The masks are not binary or differ in shape, they have no such dimensions, or the construction is
            unknown.

    References:
        L. Lux et al., "Topograph: an efficient graph-based framework for strictly topology preserving image
        segmentation", ICLR 2025.

    Example:
        >>> import torch
        >>> left, right = torch.zeros(2, 1, 1, 3, 7)
        >>> left[..., :2], right[..., 5:] = 1, 1
        >>> compute_diu(left, right)  # one component missed and one spurious, although the Betti numbers agree
        tensor([[2.]])
    """

    def diu(prediction: Mask, reference: Mask) -> tuple[int, ...]:
        return discrepancy(prediction, reference, construction, num_threads).diu

    counts = score_pairs(diu, y_pred, y, include_background, ignore_empty, ignore_index)
    return choose_dimensions(counts, dimensions, reduce_dimensions)


class DIUMetric(HomologyMetric):
    """:func:`compute_diu` accumulated over batches; lower is better.

    As the key metric of MONAI's engines it needs ``CheckpointSaver(..., key_metric_negative_sign=True)``.

    Args:
        include_background: Whether the first of several channels is scored as well.
        reduction: Reduction over items and channels, see ``monai.metrics.DiceMetric``.
        get_not_nans: Whether :meth:`aggregate` also returns the number of scores that are not NaN.
        dimensions: As in :func:`compute_diu`, and so are the other options.
        reduce_dimensions: False: scores of the shape (B, C, K), which ``"mean"`` reduces to (K,). MONAI's handlers
            need one number, the default.
        construction: ``"T"`` or ``"V"``.
        num_threads: Threads to use; by default the number of CPUs.
        ignore_empty: Whether the score of an empty reference mask is NaN.
        ignore_index: Class whose voxels do not count, or their value.

    Example:
        >>> import torch
        >>> metric = DIUMetric()
        >>> scores = metric(torch.zeros(2, 1, 4, 5), torch.ones(2, 1, 4, 5))
        >>> metric.aggregate()
        tensor([1.])
    """

    def _compute_tensor(self, y_pred: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return compute_diu(y_pred, y, **self.options)
