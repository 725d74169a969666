"""The reports that an evaluation can write, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

from segtopo.atomic_output import atomic_output
from segtopo.errors import InputError, mismatch
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


REPORTS = {
    "cases": Report("cases.csv", write_cases),
    "errors": Report("errors.csv", write_errors),
    "summary": Report("summary.json", write_summary),
}


def open_reports(out: Path, names: Sequence[str], stack: ExitStack) -> list[Callable[[Evaluation], None]]:
    """Prepares reports that appear in a folder together when the stack closes.

    Earlier reports are replaced, and other files in the folder are kept.

    Args:
        out: The folder; it is created if it does not exist.
        names: Keys of :data:`REPORTS`.
        stack: Moves the reports into the folder if it closes without an error.

    Returns:
        A function for each report that writes it.

    Raises:
        InputError: A report is unknown, or ``out`` cannot be written.
    """
    unknown = [name for name in names if name not in REPORTS]
    if unknown:
        raise InputError(mismatch("reports", got=repr(unknown[0]), expected=f"some of {tuple(REPORTS)}"))
    chosen = [REPORTS[name] for name in names]
    if out.exists():
        return [partial(report.write, stack.enter_context(atomic_output(out / report.file_name))) for report in chosen]
    folder = stack.enter_context(atomic_output(out))
    folder.mkdir()
    return [partial(report.write, folder / report.file_name) for report in chosen]
