"""Statistics of the scores over the cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segtopo.evaluation.case_scores import CaseScores
from segtopo.evaluation.intervals import Interval, bootstrap_interval


@dataclass(frozen=True)
class Statistic:
    """The statistics of one score over the cases in which it is defined.

    Attributes:
        count: Number of these cases.
        mean: Arithmetic mean; None without a case.
        standard_error: Standard error of the mean, from the sample's standard deviation; None for fewer than two cases.
        median: Median; None without a case.
        interval: 95 % bootstrap interval of the mean, see :func:`segtopo.evaluation.intervals.bootstrap_interval`; None
            for fewer than two cases.
        median_interval: The same of the median.
    """

    count: int
    mean: float | None
    standard_error: float | None
    median: float | None
    interval: Interval | None
    median_interval: Interval | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Statistic:
        """Computes the statistics of the values that are not NaN.

        Example:
            >>> statistic = Statistic.of([1, 2, 6, float("nan")])
            >>> statistic.count, statistic.mean, statistic.median, round(statistic.standard_error, 3)
            (3, 3.0, 2.0, 1.528)
        """
        defined = np.asarray(values, np.float64)
        defined = defined[~np.isnan(defined)]
        n = len(defined)
        if n == 0:
            return cls(0, None, None, None, None, None)
        mean, median = float(defined.mean()), float(np.median(defined))
        error = float(defined.std(ddof=1) / np.sqrt(n)) if n > 1 else None
        intervals = bootstrap_interval(defined, "mean"), bootstrap_interval(defined, "median")
        return cls(n, mean, error, median, *intervals)


def summarise(scores: Sequence[CaseScores]) -> dict[str, dict[str, Statistic]]:
    """Computes the statistics of every number of every structure over its cases.

    Args:
        scores: The scores of all cases; all have the same number of spatial axes.

    Returns:
        For each structure the statistics by the names of :attr:`CaseScores.numbers`.
    """
    by_structure: dict[str, list[CaseScores]] = {}
    for score in scores:
        by_structure.setdefault(score.structure, []).append(score)
    return {
        structure: {name: Statistic.of([row.numbers[name] for row in rows]) for name in rows[0].numbers}
        for structure, rows in by_structure.items()
    }
