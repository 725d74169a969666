"""Paired differences of a score between two reports, and their tests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from segtopo.evaluation.intervals import Interval, bootstrap_interval
from segtopo.evaluation.scores import Better

#: With fewer pairs that differ no p-value of the two-sided test is below 0.05.
LEAST_PAIRS = 6
#: Up to this number all signs of the differences are enumerated, so that ties do no harm.
MOST_ENUMERATED = 13
#: Decimals that are kept, so that rounding errors are neither differences nor break ties.
DECIMALS = 12


@dataclass(frozen=True)
class Difference:
    """The difference of a score between two reports over the cases that both have.

    Attributes:
        structure: Name of the structure.
        score: Name of the score.
        better: Which values of the score are better, or None.
        first: Name of one report.
        second: Name of the other report.
        pairs: Number of cases in which both have a value.
        larger: Number of cases in which the second has the larger value.
        smaller: Number of cases in which the second has the smaller value.
        mean_first: Mean of the first over the pairs.
        mean_second: Mean of the second over the pairs.
        mean: Mean of second minus first.
        interval: Bootstrap interval of the mean difference.
        p: p-value of the two-sided Wilcoxon signed-rank test; NaN if the test is not defined.
        p_holm: The p-value corrected for all tests of the comparison.
        note: The reason why the test is not defined, or an empty string.
    """

    structure: str
    score: str
    better: Better | None
    first: str
    second: str
    pairs: int
    larger: int
    smaller: int
    mean_first: float
    mean_second: float
    mean: float
    interval: Interval | None
    p: float
    p_holm: float
    note: str

    @property
    def equal(self) -> int:
        """Number of cases in which both have the same value."""
        return self.pairs - self.larger - self.smaller

    @property
    def favoured(self) -> str | None:
        """Name of the report with the better mean; None for equal means and for a score without a direction."""
        if self.better is None or not self.mean:
            return None
        return self.second if (self.mean > 0) == (self.better == "higher") else self.first


def paired_difference(
    structure: str,
    score: str,
    better: Better | None,
    names: tuple[str, str],
    first: npt.ArrayLike,
    second: npt.ArrayLike,
) -> Difference:
    """Compares two series of values of the same cases; ``p_holm`` is the uncorrected p-value.

    Args:
        structure: Name of the structure.
        score: Name of the score.
        better: Which values are better.
        names: Names of the two reports.
        first: ``(cases,)`` values of the first report, NaN where it has none.
        second: ``(cases,)`` values of the second report.

    Example:
        >>> found = paired_difference("liver", "dice", "higher", ("a", "b"), [0.5, 0.5, 0.7], [0.6, 0.5, 0.9])
        >>> found.pairs, found.larger, found.equal, round(found.mean, 3), found.favoured, found.note
        (3, 2, 1, 0.1, 'b', 'fewer than 6 cases differ')
    """
    both = np.stack([np.asarray(first, np.float64), np.asarray(second, np.float64)])
    both = both[:, ~np.isnan(both).any(axis=0)]
    differences = np.round(both[1] - both[0], DECIMALS)
    means = both.mean(axis=1) if both.size else (math.nan, math.nan)
    p, note = signed_rank_test(differences)
    return Difference(
        structure,
        score,
        better,
        *names,
        pairs=len(differences),
        larger=int((differences > 0).sum()),
        smaller=int((differences < 0).sum()),
        mean_first=float(means[0]),
        mean_second=float(means[1]),
        mean=float(differences.mean()) if both.size else math.nan,
        interval=bootstrap_interval(differences),
        p=p,
        p_holm=p,
        note=note,
    )


def signed_rank_test(differences: npt.NDArray[np.float64]) -> tuple[float, str]:
    """Computes the two-sided Wilcoxon signed-rank test of paired differences.

    Differences of 0 are left out. Up to 13 others, the p-value is exact, with ties too.

    Args:
        differences: ``(pairs,)`` finite values.

    Returns:
        The p-value, or NaN and the reason.

    References:
        F. Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin 1945.

    Example:
        >>> signed_rank_test(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.0]))
        (0.03125, '')
        >>> signed_rank_test(np.zeros(9))
        (nan, 'no case differs')
    """
    from scipy.stats import PermutationMethod, wilcoxon

    differing = differences[differences != 0]
    if not len(differing):
        return math.nan, "no case differs" if len(differences) else "no case has both values"
    if len(differing) < LEAST_PAIRS:
        return math.nan, f"fewer than {LEAST_PAIRS} cases differ"
    enumerated = len(differing) <= MOST_ENUMERATED
    method = PermutationMethod(n_resamples=2**MOST_ENUMERATED) if enumerated else "auto"
    return float(wilcoxon(differing, method=method).pvalue), ""


def correct(differences: Sequence[Difference]) -> tuple[Difference, ...]:
    """Sets the corrected p-values of a family of tests; a test without a p-value is no member of it."""
    corrected = holm([difference.p for difference in differences])
    return tuple(replace(difference, p_holm=p) for difference, p in zip(differences, corrected, strict=True))


def holm(p_values: Sequence[float]) -> list[float]:
    """Corrects the p-values of a family of tests by Holm's step-down method.

    Args:
        p_values: The p-values. NaN is not a member of the family and remains NaN.

    Returns:
        The corrected p-values in the same order.

    References:
        S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 1979.

    Example:
        >>> holm([0.01, 0.04, float("nan"), 0.03])
        [0.03, 0.06, nan, 0.06]
    """
    p = np.asarray(p_values, np.float64)
    members = np.flatnonzero(~np.isnan(p))
    order = members[np.argsort(p[members], kind="stable")]
    steps = p[order] * np.arange(len(order), 0, -1)
    p[order] = np.minimum(np.maximum.accumulate(steps), 1)
    corrected: list[float] = p.tolist()
    return corrected
