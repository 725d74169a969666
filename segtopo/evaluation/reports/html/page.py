"""The report of an evaluation as one HTML page."""

from __future__ import annotations

import math
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segtopo.evaluation.case_scores import CaseScores, PlacedError
from segtopo.evaluation.intervals import LEVEL, RESAMPLES
from segtopo.evaluation.pictures import Picture
from segtopo.evaluation.reports.html.box_plots import Box, Scale
from segtopo.evaluation.reports.html.rendering import render
from segtopo.evaluation.scores import MAIN_SCORES, Score
from segtopo.evaluation.statistics import Statistic
from segtopo.masks import ErrorKind

FIRST_SCORES = len(MAIN_SCORES)  # are shown until the reader asks for others


@dataclass(frozen=True)
class ReportView:
    """The content of the page of an evaluation.

    Attributes:
        title: Title of the page.
        command: The command line that made it.
        versions: Versions of the programs, by name.
        settings: Settings of the evaluation, by name.
        scores: The scores, the most important first. The page shows the others on request.
        cases: All structures of all cases.
        summary: For each structure the statistics of each score over its cases.
        failures: Name and message of each case without scores.
        threshold: The threshold of probability maps; None if the predictions are masks.
    """

    title: str
    command: str
    versions: Mapping[str, str]
    settings: Mapping[str, str]
    scores: tuple[Score, ...]
    cases: tuple[CaseScores, ...]
    summary: Mapping[str, Mapping[str, Statistic]]
    failures: tuple[tuple[str, str], ...] = ()
    threshold: float | None = None


def render_report(view: ReportView) -> str:
    """Renders the report of an evaluation as one HTML page that needs no other file.

    The page has the summary of each structure with bootstrap intervals, box plots, a table of the cases, and for each
    case its errors, marked in its pictures.

    Args:
        view: The evaluation.

    Returns:
        The page. The same view gives the same page.

    Example:
        >>> score = Score("dice", "Dice", "Overlap of the masks.", better="higher")
        >>> case = CaseScores("one", "vessel", ndim=2, present=True, numbers={"dice": 0.8})
        >>> summary = {"vessel": {"dice": Statistic.of([0.8])}}
        >>> view = ReportView("Vessels", "segtopo evaluate", {}, {}, (score,), (case,), summary)
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
        embedded=[_embedded(case, view.threshold) for case in view.cases],
        first_scores=FIRST_SCORES,
        level=round(100 * LEVEL),
        resamples=RESAMPLES,
    )


@dataclass(frozen=True)
class _Row:
    """The statistics of a score over the cases in which it is counted."""

    score: Score
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
    kinds: list[tuple[ErrorKind, int, int]]

    @property
    def most(self) -> int:
        """The number of errors of the commonest kind."""
        return max((errors for _, errors, _ in self.kinds), default=0)


@dataclass(frozen=True)
class _Plot:
    """The box plots of a score, one for each structure."""

    score: Score
    scale: Scale
    boxes: list[tuple[Box, list[int]]]


def _values(score: Score, cases: Sequence[CaseScores]) -> list[float]:
    return [case.numbers.get(score.name, math.nan) for case in cases]


def _sorted_kinds(cases: Sequence[CaseScores]) -> list[ErrorKind]:
    """Returns the kinds of the errors, by dimension."""
    found = {(error.dimension, error.kind) for case in cases for error in case.errors}
    return [kind for _, kind in sorted(found)]


def _summary(structure: str, view: ReportView, kinds: Sequence[ErrorKind]) -> _Summary:
    cases = [case for case in view.cases if case.structure == structure]
    counts = [Counter(error.kind for error in case.errors) for case in cases]
    by_kind = [(kind, sum(c[kind] for c in counts), sum(c[kind] > 0 for c in counts)) for kind in kinds]
    rows = [_Row(score, view.summary[structure][score.name]) for score in view.scores]
    return _Summary(structure, len(cases), rows, by_kind)


def _plot(score: Score, structures: Sequence[str], cases: Sequence[CaseScores]) -> _Plot | None:
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


def _embedded(case: CaseScores, threshold: float | None) -> dict[str, Any]:
    """Returns the data from which the browser draws the section of a case when it is opened."""
    return {
        "errors": [_error(error) for error in case.errors],
        "pictures": [_picture(picture) for picture in case.pictures],
        "ndim": case.ndim,
        "threshold": threshold,
        "features": [vars(feature) for feature in case.features],
    }


def _error(error: PlacedError) -> dict[str, Any]:
    return {
        "kind": error.kind,
        "voxel": error.voxel,
        "world": [round(c, 3) for c in error.world],
        "size": error.region_size,
        "gap_mm": error.gap_mm,
    }


def _picture(picture: Picture) -> dict[str, Any]:
    return {**vars(picture), "png": b64encode(picture.png).decode("ascii")}
