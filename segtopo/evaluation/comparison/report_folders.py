"""Reports of ``segtopo evaluate``, read from their folders."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from segtopo.errors import InputError, mismatch

FAILURE = "failure"  # a column with the reasons why cases have no scores

Row: TypeAlias = tuple[str, str]
"""Case and structure."""


@dataclass(frozen=True)
class ReportFolder:
    """The scores in the folder of a report.

    Attributes:
        folder: The folder.
        scores: Names of the scores, in the order of the file.
        values: For each case and structure the values of the scores; NaN where a score is not defined.
        settings: The settings of the evaluation that ``summary.json`` states.
    """

    folder: Path
    scores: tuple[str, ...]
    values: Mapping[Row, Mapping[str, float]]
    settings: Mapping[str, str]


def read_report(folder: str | Path) -> ReportFolder:
    """Reads ``cases.csv`` and, if there is one, ``summary.json`` in the folder of a report.

    Args:
        folder: A folder that ``segtopo evaluate`` has written.

    Returns:
        The scores of every case and structure.

    Raises:
        InputError: A file is missing or damaged, a value is no number, or a case has two rows for one structure.
    """
    folder = Path(folder)
    path = folder / "cases.csv"
    if not path.is_file():
        expected = "a folder that segtopo evaluate has written"
        raise InputError(mismatch(folder, got="no file cases.csv in it", expected=expected))
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            title, *lines = csv.reader(file)
    except (ValueError, csv.Error) as error:
        raise InputError(mismatch(path, got="no readable table", expected="a table of segtopo evaluate")) from error
    if len(title) < 3 or title[:2] != ["case", "structure"] or len(set(title)) < len(title):
        raise InputError(mismatch(path, got=f"columns {title}", expected="case, structure and distinct scores"))
    values: dict[Row, dict[str, float]] = {}
    for number, cells in enumerate(lines, start=2):
        where = f"{path}, line {number}"
        if len(cells) != len(title):
            raise InputError(mismatch(where, got=f"{len(cells)} columns", expected=f"{len(title)} columns"))
        row = cells[0], cells[1]
        if row in values:
            raise InputError(mismatch(where, got=f"case {row[0]} again", expected="one row for each case"))
        scores = dict(zip(title[2:], cells[2:], strict=True))
        if not scores.pop(FAILURE, ""):
            values[row] = {name: _number(cell, where) for name, cell in scores.items()}
    names = tuple(name for name in title[2:] if name != FAILURE)
    return ReportFolder(folder, names, values, _settings(folder / "summary.json"))


def _number(cell: str, where: str) -> float:
    """Reads a value; an empty cell and a value that is not finite are not counted, so they are NaN."""
    try:
        value = float(cell) if cell.strip() else math.nan
    except ValueError:
        raise InputError(mismatch(where, got=repr(cell), expected="a number")) from None
    return value if math.isfinite(value) else math.nan


def _settings(path: Path) -> dict[str, str]:
    """Reads the plain values of a summary."""
    if not path.is_file():
        return {}
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(mismatch(path, got="no readable JSON", expected="a summary of segtopo evaluate")) from error
    if not isinstance(summary, dict):
        raise InputError(mismatch(path, got="no JSON object", expected="a summary of segtopo evaluate"))
    settings = summary.get("settings", {})
    flat = {**settings, **settings.get("score_options", {})} if isinstance(settings, dict) else {}
    return {name: str(value) for name, value in flat.items() if isinstance(value, str | int | float)}


def name_reports(folders: Sequence[Path], names: Sequence[str] | None) -> tuple[str, ...]:
    """Names reports by their folders; equal names get the folders above them.

    Args:
        folders: Folders of the reports.
        names: The names, or None.

    Raises:
        InputError: The number of names is not that of the reports, or a name occurs twice.

    Example:
        >>> name_reports([Path("runs/a/report"), Path("runs/b/report")], None)
        ('a/report', 'b/report')
    """
    if names is None:
        parts = [folder.resolve().parts for folder in folders]
        depth = 1
        while len({path[-depth:] for path in parts}) < len(parts) and depth < max(map(len, parts)):
            depth += 1
        names = ["/".join(path[-depth:]) for path in parts]
    if len(names) != len(folders):
        raise InputError(mismatch("names", got=f"{len(names)} names", expected=f"{len(folders)}, one for each report"))
    twice = [name for name in names if list(names).count(name) > 1]
    if twice or not all(names):
        got = f"{twice[0]!r} twice" if twice else "an empty name"
        raise InputError(mismatch("names", got=got, expected="a different name for each report"))
    return tuple(names)
