"""The report of an evaluation as one HTML page."""

from __future__ import annotations

import math
from base64 import b64encode
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from segtopo.evaluation.intervals import LEVEL, RESAMPLES
from segtopo.evaluation.pictures import Picture
from segtopo.evaluation.reports.html.box_plots import Box, Scale
from segtopo.evaluation.reports.html.rendering import render
from segtopo.evaluation.reports.html.views import CaseView, ErrorView, ReportView, ScoreView
from segtopo.evaluation.scores import MAIN_SCORES
from segtopo.evaluation.statistics import Statistic

FIRST_SCORES = len(MAIN_SCORES)  # are shown until the reader asks for others


def render_report(view: ReportView) -> str:
    """Renders the report of an evaluation as one HTML page that needs no other file.

    The page has the summary of each structure with bootstrap intervals, box plots, a table of the cases, and for each
    case its errors, marked in its pictures.

    Args:
        view: The evaluation.

    Returns:
        The page. The same view gives the same page.

    Example:
        >>> score = ScoreView("dice", "Dice", "Overlap of the masks.", "higher")
        >>> view = ReportView("Vessels", "segtopo evaluate", {}, {}, (score,), (CaseView("one", "1", {"dice": 0.8}),))
        >>> render_report(view).startswith("<!doctype html>")
        True
    """
    structures = list(dict.fromkeys(case.structure for case in view.cases))
    kinds = _sorted_kinds(view.cases)
    return render(
        "report.html",
        view=view,
        structures=structures,
        cases=len({case.case for case in view.cases}),
        errors=sum(len(case.errors) for case in view.cases),
        kinds=kinds,
        summaries=[_summary(structure, view, kinds) for structure in structures],
        plots=[plot for score in view.scores if (plot := _plot(score, structures, view.cases))],
        embedded=[_embedded(case) for case in view.cases],
        first_scores=FIRST_SCORES,
        level=round(100 * LEVEL),
        resamples=RESAMPLES,
    )


@dataclass(frozen=True)
class _Row:
    """The statistics of a score over the cases in which it is counted."""

    score: ScoreView
    statistic: Statistic

    @property
    def decimals(self) -> int:
        """Decimals of the statistics: a mean of counts is no count."""
        return max(self.score.decimals, 2)


@dataclass(frozen=True)
class _Summary:
    """The statistics of a structure: its scores, and the number of its errors of each kind."""

    structure: str
    cases: int
    rows: list[_Row]
    kinds: list[tuple[str, int, int]]

    @property
    def most(self) -> int:
        """The number of errors of the commonest kind."""
        return max((errors for _, errors, _ in self.kinds), default=0)


@dataclass(frozen=True)
class _Plot:
    """The box plots of a score, one for each structure."""

    score: ScoreView
    scale: Scale
    boxes: list[tuple[Box, list[int]]]


def _values(score: ScoreView, cases: Sequence[CaseView]) -> list[float]:
    return [case.scores.get(score.name, math.nan) for case in cases]


def _sorted_kinds(cases: Sequence[CaseView]) -> list[str]:
    """Returns the kinds of the errors, by dimension."""
    found = {(error.dimension, error.kind) for case in cases for error in case.errors}
    return [kind for _, kind in sorted(found)]


def _summary(structure: str, view: ReportView, kinds: Sequence[str]) -> _Summary:
    cases = [case for case in view.cases if case.structure == structure]
    counts = [Counter(error.kind for error in case.errors) for case in cases]
    by_kind = [(kind, sum(c[kind] for c in counts), sum(c[kind] > 0 for c in counts)) for kind in kinds]
    return _Summary(
        structure, len(cases), [_Row(score, Statistic.of(_values(score, cases))) for score in view.scores], by_kind
    )


def _plot(score: ScoreView, structures: Sequence[str], cases: Sequence[CaseView]) -> _Plot | None:
    """Draws a score that is counted in at least one case."""
    counted = [value for value in _values(score, cases) if math.isfinite(value)]
    if not counted:
        return None
    scale = Scale.of(counted)
    boxes = []
    for structure in structures:
        numbers = [number for number, case in enumerate(cases) if case.structure == structure]
        box = Box.of(structure, _values(score, [cases[number] for number in numbers]), scale)
        if box:
            boxes.append((box, numbers))
    return _Plot(score, scale, boxes)


def _embedded(case: CaseView) -> dict[str, Any]:
    """Returns the data from which the browser draws the section of a case when it is opened."""
    return {
        "errors": [_error(error) for error in case.errors],
        "pictures": [_picture(picture) for picture in case.pictures],
        "features": [vars(feature) for feature in case.features],
    }


def _error(error: ErrorView) -> dict[str, Any]:
    return {**vars(error), "world": [round(c, 3) for c in error.world]}


def _picture(picture: Picture) -> dict[str, Any]:
    return {**vars(picture), "png": b64encode(picture.png).decode("ascii")}
