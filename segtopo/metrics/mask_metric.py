"""Base classes of the metrics: scores are kept per item and channel, and reduced by ``aggregate``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from monai.metrics.metric import CumulativeIterationMetric
from monai.metrics.utils import do_metric_reduction
from monai.utils.enums import MetricReduction

from segtopo.errors import InputError, mismatch
from segtopo.persistence import Construction
from segtopo.persistence.inputs import check_construction, check_dimensions


class MaskMetric(CumulativeIterationMetric):  # type: ignore[misc]  # MONAI has no type information
    """A metric of binary masks that accumulates over batches.

    Args:
        include_background: Whether the first of several channels is scored as well.
        reduction: As in ``monai.metrics.DiceMetric``: ``"none"``, ``"mean"``, ``"sum"``, ``"mean_batch"``,
            ``"sum_batch"``, ``"mean_channel"`` or ``"sum_channel"``; NaN scores are ignored.
        get_not_nans: Whether :meth:`aggregate` also returns the number of scores that are not NaN.
        ignore_empty: Whether the score of an empty reference mask is NaN.
        ignore_index: Class whose voxels count for no class, or the value of these voxels.

    Attributes:
        options: The options of the function that computes the scores, by name.
    """

    def __init__(
        self,
        include_background: bool = True,
        reduction: MetricReduction | str = MetricReduction.MEAN,
        get_not_nans: bool = False,
        *,
        ignore_empty: bool = False,
        ignore_index: int | None = None,
    ) -> None:
        super().__init__()
        self.reduction = MetricReduction(reduction)
        self.get_not_nans = get_not_nans
        self.options: dict[str, Any] = {
            "include_background": include_background,
            "ignore_empty": ignore_empty,
            "ignore_index": ignore_index,
        }

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
    """A metric of the features of binary masks.

    Args:
        include_background: As in :class:`MaskMetric`.
        reduction: As in :class:`MaskMetric`.
        get_not_nans: As in :class:`MaskMetric`.
        dimensions: The dimensions of the features that count. None: all.
        reduce_dimensions: Whether to add the scores of the dimensions.
        construction: ``"T"``: the foreground is 8- or 26-connected. ``"V"``: it is 4- or 6-connected.
        num_threads: Threads to use; by default the number of CPUs.
        ignore_empty: As in :class:`MaskMetric`.
        ignore_index: As in :class:`MaskMetric`.

    Raises:
        TypeError: The dimensions are not a list.
        InputError: The construction is unknown, or there are no such dimensions in 2D and 3D.
    """

    def __init__(
        self,
        include_background: bool = True,
        reduction: MetricReduction | str = MetricReduction.MEAN,
        get_not_nans: bool = False,
        *,
        dimensions: Sequence[int] | None = None,
        reduce_dimensions: bool = True,
        construction: Construction = "T",
        num_threads: int | None = None,
        ignore_empty: bool = False,
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(
            include_background, reduction, get_not_nans, ignore_empty=ignore_empty, ignore_index=ignore_index
        )
        check_construction(construction)
        check_dimensions(dimensions, 3)
        self.options |= {
            "dimensions": dimensions,
            "reduce_dimensions": reduce_dimensions,
            "construction": construction,
            "num_threads": num_threads,
        }
