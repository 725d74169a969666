"""Betti matching error: the number of features of two masks without a partner at the same position."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from segtopo.masks.components import Mask
from segtopo.metrics.mask_batches import score_pairs
from segtopo.metrics.mask_metric import HomologyMetric
from segtopo.metrics.matched_features import match_features
from segtopo.persistence import Construction


class BettiMatchingScores(NamedTuple):
    """Scores of matched features, float tensors (B, C), or (B, C, K) with one score for each of K dimensions.

    Attributes:
        error: Number of features of both masks without a partner.
        precision: Matched share of the prediction's features; 1 if neither mask has any feature, 0 if only the
            prediction has none.
        recall: Matched share of the reference's features; 1 if neither mask has any feature, 0 if only the reference
            has none.
        f1: Harmonic mean of precision and recall; 1 if neither mask has any feature.
    """

    error: torch.Tensor
    precision: torch.Tensor
    recall: torch.Tensor
    f1: torch.Tensor


def compute_betti_matching_error(
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
    """Counts the topological features of prediction and reference that have no partner under Betti matching.

    A feature is a component, loop or cavity of a mask. A feature of the prediction and a feature of the reference are
    partners if they become the same class in the union of the masks. Features that vanish in the union have no partner,
    for example the second of two pieces that the other mask connects. So each component of the union that contains
    voxels of both masks gives one matched pair of components. If loops or cavities can be matched in several ways, the
    order of the voxels decides.

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
        N. Stucki, J. C. Paetzold, S. Shit, B. Menze, U. Bauer, "Topologically faithful image segmentation via induced
        matching of persistence barcodes", ICML 2023.

    Example:
        >>> import torch
        >>> left, right = torch.zeros(2, 1, 1, 3, 7)
        >>> left[..., :2], right[..., 5:] = 1, 1
        >>> compute_betti_matching_error(left, right)  # one of each mask, although the Betti numbers agree
        tensor([[2.]])
    """
    return compute_betti_matching_scores(
        y_pred,
        y,
        include_background,
        dimensions=dimensions,
        reduce_dimensions=reduce_dimensions,
        construction=construction,
        num_threads=num_threads,
        ignore_empty=ignore_empty,
        ignore_index=ignore_index,
    ).error


def compute_betti_matching_scores(
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
) -> BettiMatchingScores:
    """Computes error, precision, recall and F1 of the topological features of predictions under Betti matching.

    Args:
        y_pred: Predicted binary masks (B, C, H, W[, D]) of any dtype, on any device.
        y: Reference masks of the same shape.
        include_background: Whether the first of several channels is scored as well.
        dimensions: The dimensions of the features that count: 0 components, 1 loops, 2 cavities (3D). None: all.
        reduce_dimensions: Whether to count the features of the dimensions together.
        construction: See :func:`compute_betti_matching_error`, which describes the matching.
        num_threads: Threads to use; by default the number of CPUs. The result does not depend on it.
        ignore_empty: Whether the score of an empty reference mask is NaN, as in ``monai.metrics.DiceMetric``.
        ignore_index: As in MONAI's metrics. With one channel, ``y`` has this value where voxels do not count. With
            several, the voxels of this class do not count and its score is NaN; a number of no class leaves out the
            voxels without a class. None: all voxels count.

    Returns:
        The scores of each item and channel, for the features of all dimensions together; with
        ``reduce_dimensions=False`` for each of the dimensions. NaN only for the class ``ignore_index``, and by
        ``ignore_empty``.

    Raises:
        TypeError: An argument is not a dense tensor.
        InputError: The masks are not binary or differ in shape, they have no such dimensions, or the construction is
            unknown.

    Example:
        >>> import torch
        >>> whole = torch.ones(1, 1, 2, 5)
        >>> broken = whole.clone()
        >>> broken[..., 2] = 0
        >>> scores = compute_betti_matching_scores(broken, whole)
        >>> scores.precision, scores.recall  # one of two components is right, and nothing is missed
        (tensor([[0.5000]]), tensor([[1.]]))
    """

    def scores(prediction: Mask, reference: Mask) -> tuple[tuple[float, ...], ...]:
        features = match_features(prediction, reference, construction, num_threads).of(dimensions)
        features = features.together() if reduce_dimensions else features
        return features.error, features.precision, features.recall, features.f1

    found = score_pairs(scores, y_pred, y, include_background, ignore_empty, ignore_index)
    return BettiMatchingScores(*(found.squeeze(-1) if reduce_dimensions else found).unbind(dim=2))


class BettiMatchingErrorMetric(HomologyMetric):
    """:func:`compute_betti_matching_error` accumulated over batches; lower is better.

    As the key metric of MONAI's engines it needs ``CheckpointSaver(..., key_metric_negative_sign=True)``.

    Args:
        include_background: Whether the first of several channels is scored as well.
        reduction: Reduction over items and channels, see ``monai.metrics.DiceMetric``.
        get_not_nans: Whether :meth:`aggregate` also returns the number of scores that are not NaN.
        dimensions: As in :func:`compute_betti_matching_error`, and so are the other options.
        reduce_dimensions: False: scores of the shape (B, C, K), which ``"mean"`` reduces to (K,). MONAI's handlers
            need one number, the default.
        construction: ``"T"`` or ``"V"``.
        num_threads: Threads to use; by default the number of CPUs.
        ignore_empty: Whether the score of an empty reference mask is NaN.
        ignore_index: Class whose voxels do not count, or their value.

    Example:
        >>> import torch
        >>> metric = BettiMatchingErrorMetric()
        >>> scores = metric(torch.zeros(2, 1, 4, 5), torch.ones(2, 1, 4, 5))
        >>> metric.aggregate()
        tensor([1.])
    """

    def _compute_tensor(self, y_pred: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return compute_betti_matching_error(y_pred, y, **self.options)
