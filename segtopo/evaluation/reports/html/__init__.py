"""The report of an evaluation as one HTML file that opens in a browser without a network."""

from segtopo.evaluation.reports.html.page import render_report
from segtopo.evaluation.reports.html.report import write_html

__all__ = ["render_report", "write_html"]
