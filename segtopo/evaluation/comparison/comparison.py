"""Comparison of two or more reports."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt

from segtopo.errors import InputError, mismatch
from segtopo.evaluation.comparison.differences import Difference, correct, paired_difference
from segtopo.evaluation.comparison.rankings import Ranking, rank_reports
from segtopo.evaluation.comparison.report_folders import ReportFolder, Row, name_reports, read_report
from segtopo.evaluation.comparison.score_names import better_direction, is_part
from segtopo.evaluation.scores import MAIN_SCORES


@dataclass(frozen=True)
class Comparison:
    """The comparison of several reports.

    Attributes:
        names: Names of the reports.
        reports: The reports.
        scores: The scores that are compared.
        other_scores: Scores that are not in all reports, so that they are not compared.
        rows: Cases and structures that all reports have.
        missing: For each report the cases and structures that another has and it has not.
        differences: One for each structure, score and pair of reports. Their p-values are one family for Holm's
            correction.
        rankings: One for each structure and each score with a direction.
    """

    names: tuple[str, ...]
    reports: tuple[ReportFolder, ...]
    scores: tuple[str, ...]
    other_scores: tuple[str, ...]
    rows: tuple[Row, ...]
    missing: tuple[tuple[Row, ...], ...]
    differences: tuple[Difference, ...]
    rankings: tuple[Ranking, ...]

    @property
    def structures(self) -> tuple[str, ...]:
        """Names of the structures."""
        return tuple(dict.fromkeys(structure for _, structure in self.rows))

    @property
    def tests(self) -> int:
        """Number of tests in the family."""
        return sum(not math.isnan(difference.p) for difference in self.differences)

    def values(self, structure: str, score: str) -> npt.NDArray[np.float64]:
        """Returns the ``(cases, reports)`` values of a score over the cases that all reports have."""
        return _values(self.reports, [row for row in self.rows if row[1] == structure], score)

    def decimals(self, score: str) -> int:
        """Returns the decimals of the mean of a score: two for counts, else four."""
        values = _values(self.reports, self.rows, score)
        values = values[~np.isnan(values)]
        return 2 if (values == np.round(values)).all() else 4


def compare_reports(
    folders: Sequence[str | Path], names: Sequence[str] | None = None, scores: Sequence[str] | None = None
) -> Comparison:
    r"""Compares reports of ``segtopo evaluate`` over the cases that all of them have.

    Each score of each structure gets the mean difference of every pair of reports with a bootstrap interval, a
    Wilcoxon signed-rank test whose p-value is corrected by Holm's method for all tests of the comparison, and a
    ranking of the reports by their means with its stability under the bootstrap.

    Args:
        folders: Two or more folders of reports.
        names: Names of the reports; by default those of the folders.
        scores: Scores to compare. By default the main scores (:data:`segtopo.evaluation.MAIN_SCORES`) that every
            report has.

    Returns:
        The comparison.

    Raises:
        InputError: A report cannot be read, a name occurs twice, the reports have no case in common, they differ in the
            construction, or a score is not in all of them.

    References:
        M. Wiesenfarth et al., "Methods and open-source toolkit for analyzing and visualizing challenge results",
        Scientific Reports 2021.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name, dice in {"a": (0.8, 0.7), "b": (0.9, 0.9)}.items():
        ...     (folder / name).mkdir()
        ...     table = f"case,structure,dice\none,foreground,{dice[0]}\ntwo,foreground,{dice[1]}\n"
        ...     _ = (folder / name / "cases.csv").write_text(table)
        >>> comparison = compare_reports([folder / "a", folder / "b"])
        >>> round(comparison.differences[0].mean, 3), comparison.rankings[0].ranks
        (0.15, (2, 1))
    """
    paths = [Path(folder) for folder in folders]
    if len(paths) < 2:
        raise InputError(mismatch("reports", got=len(paths), expected="at least 2"))
    titles = name_reports(paths, names)
    reports = tuple(read_report(path) for path in paths)
    _check_construction(reports)
    rows = _common_rows(reports)
    every = dict.fromkeys(row for report in reports for row in report.values)
    missing = tuple(tuple(row for row in every if row not in report.values) for report in reports)
    named = dict.fromkeys(score for report in reports for score in report.scores)
    shared = [score for score in named if all(score in report.scores for report in reports)]
    chosen = _chosen_scores(shared, scores)
    differences, rankings = [], []
    for structure in dict.fromkeys(structure for _, structure in rows):
        of_structure = [row for row in rows if row[1] == structure]
        for score in chosen:
            values = _values(reports, of_structure, score)
            differences += _pairwise_differences(structure, score, titles, values)
            rankings += _ranking(structure, score, titles, values)
    others = tuple(score for score in named if score not in shared)
    return Comparison(
        titles, reports, tuple(chosen), others, tuple(rows), missing, correct(differences), tuple(rankings)
    )


def _pairwise_differences(
    structure: str, score: str, names: tuple[str, ...], values: npt.NDArray[np.float64]
) -> list[Difference]:
    better = better_direction(score)
    return [
        paired_difference(structure, score, better, (first, second), values[:, i], values[:, j])
        for (i, first), (j, second) in combinations(enumerate(names), 2)
    ]


def _ranking(structure: str, score: str, names: tuple[str, ...], values: npt.NDArray[np.float64]) -> list[Ranking]:
    """Returns the ranking; nothing for a score without a direction or without a case."""
    better = better_direction(score)
    ranking = rank_reports(structure, score, better, names, values) if better else None
    return [ranking] if ranking else []


def _check_construction(reports: Sequence[ReportFolder]) -> None:
    """Raises InputError if the topology of the reports is counted with different connectivities."""
    stated = [report for report in reports if "construction" in report.settings]
    for report in stated:
        got, expected = report.settings["construction"], stated[0].settings["construction"]
        if got != expected:
            text = f"the construction {expected!r} of {stated[0].folder}"
            raise InputError(mismatch(report.folder, got=f"the construction {got!r}", expected=text))


def _common_rows(reports: Sequence[ReportFolder]) -> list[Row]:
    rows = [row for row in reports[0].values if all(row in report.values for report in reports)]
    if not rows:
        expected = "reports of the same cases and structures"
        raise InputError(mismatch("reports", got="no case in common", expected=expected))
    return rows


def _chosen_scores(shared: Sequence[str], scores: Sequence[str] | None) -> list[str]:
    """Returns the scores to compare."""
    if scores is None:
        directed = [score for score in shared if better_direction(score)]
        whole = [score for score in directed if not is_part(score)]
        chosen = [score for score in MAIN_SCORES if score in shared] or whole or directed or list(shared)
    else:
        chosen = list(dict.fromkeys(scores))
    unknown = [score for score in chosen if score not in shared]
    if unknown or not chosen:
        got = repr(unknown[0]) if unknown else "none"
        raise InputError(mismatch("scores", got=got, expected=f"scores of all reports: {', '.join(shared)}"))
    return chosen


def _values(reports: Sequence[ReportFolder], rows: Sequence[Row], score: str) -> npt.NDArray[np.float64]:
    return np.array([[report.values[row][score] for report in reports] for row in rows], np.float64)
