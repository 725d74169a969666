"""Reports of an evaluation; each module writes one kind."""

from segtopo.evaluation.reports.registry import REPORTS, Report
from segtopo.evaluation.reports.terminal import score_table

__all__ = ["REPORTS", "Report", "score_table"]
