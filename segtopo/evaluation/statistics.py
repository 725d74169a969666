"""Statistics of the scores over all cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segtopo.evaluation.case_scores import CaseScores


@dataclass(frozen=True)
class Statistic:
    """The statistics of one score over the cases.

    Attributes:
        mean: Arithmetic mean.
        standard_error: Standard error of the mean, from the sample's standard deviation; None for a single case.
        median: Median.
    """

    mean: float
    standard_error: float | None
    median: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Statistic:
        """Computes the statistics of at least one value.

        Example:
            >>> Statistic.of([1, 2, 6])
            Statistic(mean=3.0, standard_error=1.527..., median=2.0)
        """
        n = len(values)
        error = float(np.std(values, ddof=1) / np.sqrt(n)) if n > 1 else None
        return cls(float(np.mean(values)), error, float(np.median(values)))


def summarise(scores: Sequence[CaseScores]) -> dict[str, dict[str, Statistic]]:
    """Computes the statistics of every number of every structure over its cases.

    Args:
        scores: The scores of all cases; all have the same number of spatial axes.

    Returns:
        For each label (``"foreground"`` for binary masks) the statistics by the names of
        :meth:`CaseScores.numbers`.
    """
    by_label: dict[str, list[dict[str, float]]] = {}
    for score in scores:
        by_label.setdefault(score.label, []).append(score.numbers())
    return {
        label: {name: Statistic.of([row[name] for row in rows]) for name in rows[0]} for label, rows in by_label.items()
    }
