"""Base classes of the metrics: scores are kept per item and channel, and reduced by ``aggregate``."""

from __future__ import annotations

import torch
from monai.metrics.metric import CumulativeIterationMetric
from monai.metrics.utils import do_metric_reduction
from monai.utils.enums import MetricReduction

from segtopo.errors import InputError, mismatch
from segtopo.persistence import Construction
from segtopo.persistence.inputs import check_construction


class MaskMetric(CumulativeIterationMetric):  # type: ignore[misc]  # MONAI has no type information
    """A metric of binary masks that accumulates over batches.

    Args:
        include_background: Whether the first of several channels is scored as well.
        reduction: As in ``monai.metrics.DiceMetric``: ``"none"``, ``"mean"``, ``"sum"``, ``"mean_batch"``,
            ``"sum_batch"``, ``"mean_channel"`` or ``"sum_channel"``; NaN scores are ignored.
        get_not_nans: Whether :meth:`aggregate` also returns the number of scores that are not NaN.
        ignore_index: Class whose voxels count for no class, or the value of these voxels.
    """

    def __init__(
        self,
        include_background: bool = True,
        reduction: MetricReduction | str = MetricReduction.MEAN,
        get_not_nans: bool = False,
        ignore_index: int | None = None,
    ) -> None:
        super().__init__()
        self.include_background = include_background
        self.reduction = MetricReduction(reduction)
        self.get_not_nans = get_not_nans
        self.ignore_index = ignore_index

    def aggregate(
        self, reduction: MetricReduction | str | None = None
    ) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        """Reduces the scores that were computed since the last ``reset()``.

        Args:
            reduction: Reduction in place of the metric's own.

        Returns:
            The reduced scores, with the number of scores that are not NaN if ``get_not_nans``.

        Raises:
            InputError: There are no scores yet.
        """
        scores = self.get_buffer()
        if scores is None:
            raise InputError(mismatch("scores", got="none since reset()", expected="at least one call of the metric"))
        reduced, not_nans = do_metric_reduction(scores, reduction or self.reduction)
        return (reduced, not_nans) if self.get_not_nans else reduced


class HomologyMetric(MaskMetric):
    """A metric of binary masks that depends on the connectivity of their voxels.

    Args:
        include_background: As in :class:`MaskMetric`.
        reduction: As in :class:`MaskMetric`.
        get_not_nans: As in :class:`MaskMetric`.
        construction: ``"T"``: the foreground is 8- or 26-connected. ``"V"``: it is 4- or 6-connected.
        num_threads: Threads to use; by default the number of CPUs.
        ignore_index: As in :class:`MaskMetric`.

    Raises:
        InputError: The construction is unknown.
    """

    def __init__(
        self,
        include_background: bool = True,
        reduction: MetricReduction | str = MetricReduction.MEAN,
        get_not_nans: bool = False,
        construction: Construction = "T",
        num_threads: int | None = None,
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(include_background, reduction, get_not_nans, ignore_index)
        check_construction(construction)
        self.construction: Construction = construction
        self.num_threads = num_threads
