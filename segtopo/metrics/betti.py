"""Betti numbers of masks, and their error."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch

from segtopo.masks import betti_numbers
from segtopo.masks.components import Mask
from segtopo.metrics.mask_batches import choose_dimensions, score_masks, score_pairs
from segtopo.metrics.mask_metric import HomologyMetric
from segtopo.persistence import Construction


def compute_betti_numbers(
    y: torch.Tensor, construction: Construction = "T", num_threads: int | None = None
) -> torch.Tensor:
    """Counts the components, loops and (3D) cavities of each mask of a batch.

    Args:
        y: Binary masks (B, C, H, W[, D]) of any dtype, on any device.
        construction: ``"T"``: the foreground is 8- or 26-connected, the background 4- or 6-connected. ``"V"``: the
            foreground is 4- or 6-connected, the background 8- or 26-connected.
        num_threads: Threads to use; by default the number of CPUs. The result does not depend on it.

    Returns:
        A long tensor (B, C, ndim) of the Betti numbers in dimensions 0 to ndim - 1, on the device of ``y``.
        The outside of the image is background and no cavity; an empty mask has Betti numbers 0.

    Raises:
        TypeError: ``y`` is not a dense tensor.
        InputError: ``y`` is not binary or has another shape, or the construction is unknown.

    Example:
        >>> import torch
        >>> ring = torch.ones(1, 1, 3, 4)
        >>> ring[..., 1, 1:3] = 0
        >>> compute_betti_numbers(ring)
        tensor([[[1, 1]]])
    """
    numbers = partial(betti_numbers, construction=construction, num_threads=num_threads)
    return score_masks(numbers, y, torch.long)


def compute_betti_error(
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
    """Computes the absolute difference of the Betti numbers of prediction and reference (Hu et al. 2019).

    The Betti numbers are those of the whole masks, not of patches.

    Args:
        y_pred: Predicted binary masks (B, C, H, W[, D]) of any dtype, on any device.
        y: Reference masks of the same shape.
        include_background: Whether the first of several channels is scored as well.
        dimensions: The dimensions of the features that count: 0 components, 1 loops, 2 cavities (3D). None: all.
        reduce_dimensions: Whether to add the errors of the dimensions.
        construction: See :func:`compute_betti_numbers`.
        num_threads: Threads to use; by default the number of CPUs. The result does not depend on it.
        ignore_empty: Whether the score of an empty reference mask is NaN, as in ``monai.metrics.DiceMetric``.
        ignore_index: As in MONAI's metrics. With one channel, ``y`` has this value where voxels do not count. With
            several, the voxels of this class do not count and its score is NaN; a number of no class leaves out the
            voxels without a class. None: all voxels count.

    Returns:
        A float tensor (B, C), the sum over the dimensions; with ``reduce_dimensions=False`` (B, C, K), one error for
        each of the K dimensions. Two empty masks have error 0, and against an empty mask the error is the other mask's
        Betti numbers. NaN only for the class ``ignore_index``, and by ``ignore_empty``.

    Raises:
        TypeError: An argument is not a dense tensor.
        InputError: The masks are not binary or differ in shape, they have no such dimensions, or the construction is
            unknown.

    Example:
        >>> import torch
        >>> whole = torch.ones(1, 1, 2, 5)
        >>> broken = whole.clone()
        >>> broken[..., 2] = 0
        >>> compute_betti_error(broken, whole)
        tensor([[1.]])
        >>> compute_betti_error(broken, whole, reduce_dimensions=False)  # of components and of loops
        tensor([[[1., 0.]]])
    """

    def error(prediction: Mask, reference: Mask) -> tuple[int, ...]:
        of_prediction = betti_numbers(prediction, construction, num_threads)
        of_reference = betti_numbers(reference, construction, num_threads)
        return tuple(abs(p - r) for p, r in zip(of_prediction, of_reference, strict=True))

    errors = score_pairs(error, y_pred, y, include_background, ignore_empty, ignore_index)
    return choose_dimensions(errors, dimensions, reduce_dimensions)


class BettiErrorMetric(HomologyMetric):
    """:func:`compute_betti_error` accumulated over batches; lower is better.

    As the key metric of MONAI's engines it needs ``CheckpointSaver(..., key_metric_negative_sign=True)``.

    Args:
        include_background: Whether the first of several channels is scored as well.
        reduction: Reduction over items and channels, see ``monai.metrics.DiceMetric``.
        get_not_nans: Whether :meth:`aggregate` also returns the number of scores that are not NaN.
        dimensions: As in :func:`compute_betti_error`, and so are the other options.
        reduce_dimensions: False: scores of the shape (B, C, K), which ``"mean"`` reduces to (K,). MONAI's handlers
            need one number, the default.
        construction: ``"T"`` or ``"V"``.
        num_threads: Threads to use; by default the number of CPUs.
        ignore_empty: Whether the score of an empty reference mask is NaN.
        ignore_index: Class whose voxels do not count, or their value.

    Example:
        >>> import torch
        >>> metric = BettiErrorMetric()
        >>> scores = metric(torch.zeros(2, 1, 4, 5), torch.ones(2, 1, 4, 5))
        >>> metric.aggregate()
        tensor([1.])
    """

    def _compute_tensor(self, y_pred: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return compute_betti_error(y_pred, y, **self.options)
