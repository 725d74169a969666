"""What the metric classes share: scores kept per item and channel, reduced when asked."""

from __future__ import annotations

import torch
from monai.metrics.metric import CumulativeIterationMetric
from monai.metrics.utils import do_metric_reduction
from monai.utils.enums import MetricReduction

from segtopo.persistence import Construction


class MaskMetric(CumulativeIterationMetric):  # type: ignore[misc]  # MONAI has no type information
    """A metric of binary masks that accumulates over batches.

    Args:
        include_background: whether the first of several channels is scored as well.
        reduction: as in ``monai.metrics.DiceMetric``: ``"none"``, ``"mean"``, ``"sum"``, ``"mean_batch"``,
            ``"sum_batch"``, ``"mean_channel"`` or ``"sum_channel"``; NaN scores are left out.
        get_not_nans: whether :meth:`aggregate` also returns the number of scores that are not NaN.
    """

    def __init__(
        self,
        include_background: bool = True,
        reduction: MetricReduction | str = MetricReduction.MEAN,
        get_not_nans: bool = False,
    ) -> None:
        super().__init__()
        self.include_background = include_background
        self.reduction = MetricReduction(reduction)
        self.get_not_nans = get_not_nans

    def aggregate(
        self, reduction: MetricReduction | str | None = None
    ) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        """Reduce the scores gathered since the last ``reset()``.

        Args:
            reduction: used in place of the metric's own.

        Returns:
            The reduced scores, with the number of scores that are not NaN if ``get_not_nans``.

        Raises:
            ValueError: nothing has been gathered yet.
        """
        scores = self.get_buffer()
        if scores is None:
            raise ValueError("no scores to aggregate, expected at least one call of the metric since reset()")
        reduced, not_nans = do_metric_reduction(scores, reduction or self.reduction)
        return (reduced, not_nans) if self.get_not_nans else reduced


class HomologyMetric(MaskMetric):
    """A metric of binary masks that depends on how their voxels are connected.

    Args:
        include_background: as in :class:`MaskMetric`.
        reduction: as in :class:`MaskMetric`.
        get_not_nans: as in :class:`MaskMetric`.
        construction: ``"T"``, a foreground of full connectivity (8, 26); ``"V"``, of face connectivity (4, 6).
    """

    def __init__(
        self,
        include_background: bool = True,
        reduction: MetricReduction | str = MetricReduction.MEAN,
        get_not_nans: bool = False,
        construction: Construction = "T",
    ) -> None:
        super().__init__(include_background, reduction, get_not_nans)
        check_construction(construction)
        self.construction: Construction = construction


def check_construction(construction: str) -> None:
    """Refuse what is neither ``"T"`` nor ``"V"``."""
    if construction not in ("T", "V"):
        raise ValueError(f"construction is {construction!r}, expected 'T' or 'V'")
