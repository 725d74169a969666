"""The reports that an evaluation can write, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from segtopo.errors import InputError, mismatch
from segtopo.evaluation.reports.html import write_html
from segtopo.evaluation.reports.summary import write_summary
from segtopo.evaluation.reports.tables import write_cases, write_errors
from segtopo.evaluation.results import Evaluation


class Report(NamedTuple):
    """A kind of output.

    Attributes:
        file_name: Name of the file in the folder of the reports.
        write: Writes the report of an evaluation to a path.
    """

    file_name: str
    write: Callable[[Path, Evaluation], None]


HTML = "html"

REPORTS = {
    "cases": Report("cases.csv", write_cases),
    "errors": Report("errors.csv", write_errors),
    "summary": Report("summary.json", write_summary),
    HTML: Report("report.html", write_html),
}


def choose_reports(names: Sequence[str]) -> list[Report]:
    """Returns reports by their names, keys of :data:`REPORTS`.

    Raises:
        InputError: A report is unknown.
    """
    unknown = [name for name in names if name not in REPORTS]
    if unknown:
        raise InputError(mismatch("reports", got=repr(unknown[0]), expected=f"some of {tuple(REPORTS)}"))
    return [REPORTS[name] for name in names]
