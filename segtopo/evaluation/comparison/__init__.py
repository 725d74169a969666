"""Comparison of several evaluations of the same cases: differences, tests and rankings.

Example:
    >>> from segtopo.evaluation.comparison import compare_reports, write_comparison
    >>> comparison = compare_reports(["runs/a/report", "runs/b/report"])  # doctest: +SKIP
    >>> write_comparison(comparison, "runs/comparison")  # doctest: +SKIP
"""

from segtopo.evaluation.comparison.comparison import Comparison, compare_reports
from segtopo.evaluation.comparison.differences import Difference
from segtopo.evaluation.comparison.files import write_comparison
from segtopo.evaluation.comparison.rankings import Ranking
from segtopo.evaluation.comparison.report_folders import ReportFolder, read_report
from segtopo.evaluation.comparison.score_names import better_direction
from segtopo.evaluation.comparison.terminal import difference_table
from segtopo.evaluation.intervals import Interval, bootstrap_interval
from segtopo.evaluation.scores import Better

__all__ = [
    "Better",
    "Comparison",
    "Difference",
    "Interval",
    "Ranking",
    "ReportFolder",
    "better_direction",
    "bootstrap_interval",
    "compare_reports",
    "difference_table",
    "read_report",
    "write_comparison",
]
