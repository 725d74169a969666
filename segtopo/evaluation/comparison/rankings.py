"""Rankings of reports by the mean of a score, and their stability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segtopo.evaluation.intervals import RESAMPLES, SEED
from segtopo.evaluation.scores import Better


@dataclass(frozen=True)
class Ranking:
    """A ranking of reports by the mean of one score.

    Attributes:
        structure: Name of the structure.
        score: Name of the score.
        better: Which values of the score are better.
        names: Names of the reports.
        cases: Number of cases in which every report has a value.
        means: Mean of each report over these cases.
        ranks: Rank of each report, 1 for the best. Equal means share the better rank.
        shares: For each report the shares of the bootstrap samples in which it has rank 1, 2, ...
    """

    structure: str
    score: str
    better: Better
    names: tuple[str, ...]
    cases: int
    means: tuple[float, ...]
    ranks: tuple[int, ...]
    shares: tuple[tuple[float, ...], ...]


def rank_reports(
    structure: str, score: str, better: Better, names: tuple[str, ...], values: npt.ArrayLike
) -> Ranking | None:
    """Ranks reports by their means, and again in 2000 samples of the cases, drawn with replacement and a fixed seed.

    Args:
        structure: Name of the structure.
        score: Name of the score.
        better: Which values are better.
        names: Names of the reports.
        values: ``(cases, reports)`` values. A case in which one is NaN is left out.

    Returns:
        The ranking; None if no case is left.

    References:
        M. Wiesenfarth et al., "Methods and open-source toolkit for analyzing and visualizing challenge results",
        Scientific Reports 2021.

    Example:
        >>> ranking = rank_reports("liver", "betti_error", "lower", ("a", "b"), [[3, 1], [2, 2], [4, 1]])
        >>> ranking.ranks, ranking.means
        ((2, 1), (3.0, 1.333...))
    """
    table = np.asarray(values, np.float64).reshape(-1, len(names))
    table = table[~np.isnan(table).any(axis=1)]
    cases = len(table)
    if not cases:
        return None
    draws = np.random.default_rng(SEED).multinomial(cases, np.full(cases, 1 / cases), RESAMPLES)
    # One product for each column: equal columns then have equal sums, so that ties remain ties.
    sampled = np.stack([draws @ column for column in np.ascontiguousarray(table.T)], axis=1)
    ranks = _ranks(sampled, better)
    shares = [(ranks == rank).mean(axis=0) for rank in range(1, len(names) + 1)]
    return Ranking(
        structure,
        score,
        better,
        names,
        cases,
        tuple(table.mean(axis=0).tolist()),
        tuple(_ranks(table.sum(axis=0)[None], better)[0].tolist()),
        tuple(tuple(row) for row in np.stack(shares, axis=1).tolist()),
    )


def _ranks(sums: npt.NDArray[np.float64], better: Better) -> npt.NDArray[np.int64]:
    """Returns the ranks in each row; equal sums share the better rank."""
    from scipy.stats import rankdata

    ranks: npt.NDArray[np.int64] = rankdata(-sums if better == "higher" else sums, method="min", axis=1)
    return ranks.astype(np.int64)
