"""From an evaluation to its HTML report."""

from __future__ import annotations

import math
import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from segtopo import __version__
from segtopo.evaluation.case_scores import CaseScores, PlacedError
from segtopo.evaluation.options import EvaluationOptions
from segtopo.evaluation.reports.html.page import render_report
from segtopo.evaluation.reports.html.views import CaseView, ErrorView, ReportView, ScoreView
from segtopo.evaluation.results import Evaluation
from segtopo.evaluation.scores import MAIN_SCORES, Score, scores_of

LIBRARIES = ("numpy", "scipy", "scikit-image", "connected-components-3d")


def write_html(path: Path, evaluation: Evaluation) -> None:
    """Writes the report as one HTML file."""
    path.write_text(render_report(report_view(evaluation)), encoding="utf-8")


def report_view(evaluation: Evaluation) -> ReportView:
    """Returns the content of the page."""
    return ReportView(
        title=f"{evaluation.predictions} against {evaluation.references}",
        command=evaluation.command,
        versions={"segtopo": __version__, "Python": platform.python_version()} | {n: version(n) for n in LIBRARIES},
        settings=_settings(evaluation.options),
        scores=_scores(evaluation),
        cases=tuple(_case(scores, evaluation) for scores in evaluation.cases),
        failures=tuple(evaluation.failures.items()),
    )


def _scores(evaluation: Evaluation) -> tuple[ScoreView, ...]:
    """Returns the scores, the main ones first."""
    scores = scores_of(evaluation.options.scores, evaluation.cases[0].ndim)
    main = [score for name in MAIN_SCORES for score in scores if score.name == name]
    others = [score for score in scores if score.name not in MAIN_SCORES]
    return tuple(_score(score, evaluation) for score in (*main, *others))


def _score(score: Score, evaluation: Evaluation) -> ScoreView:
    """Describes a score; counts are written without decimals."""
    values = [scores.numbers[score.name] for scores in evaluation.cases]
    is_count = all(value.is_integer() for value in values if not math.isnan(value))
    text = f"{score.description} ({score.paper})" if score.paper else score.description
    return ScoreView(score.name, score.title, text, score.better, 0 if is_count else score.decimals)


def _case(scores: CaseScores, evaluation: Evaluation) -> CaseView:
    pictures = evaluation.pictures.get(scores.case, {}).get(scores.label, ())
    return CaseView(
        scores.case, scores.label, dict(scores.numbers), tuple(_error(error) for error in scores.errors), pictures
    )


def _error(error: PlacedError) -> ErrorView:
    return ErrorView(error.kind, error.dimension, error.voxel, error.world, error.region_size, error.gap_mm)


def _settings(options: EvaluationOptions) -> dict[str, str]:
    """Returns the settings in words; options without a value are left out."""
    settings: dict[str, Any] = asdict(options)
    settings |= settings.pop("score_options")
    settings["scores"] = ", ".join(options.scores)
    settings["labels"] = None if options.labels is None else ", ".join(str(s) for s in options.structures)
    for output in ("label_map", "markups", "pictures"):
        del settings[output]
    return {name.replace("_", " "): str(value) for name, value in settings.items() if value is not None}
