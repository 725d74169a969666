"""Reports of an evaluation: one module for each kind of output.

A new report is one module with a function ``write_x(path, evaluation)`` and one line in
:data:`segtopo.evaluation.reports.registry.REPORTS`.
"""

from segtopo.evaluation.reports.registry import REPORTS, Report, open_reports
from segtopo.evaluation.reports.terminal import score_table

__all__ = ["REPORTS", "Report", "open_reports", "score_table"]
