"""From an evaluation to its HTML report."""

from __future__ import annotations

import math
import platform
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from segtopo import __version__
from segtopo.evaluation.options import EvaluationOptions
from segtopo.evaluation.reports.html.page import ReportView, render_report
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
        cases=evaluation.cases,
        summary=evaluation.summary,
        failures=tuple(evaluation.failures.items()),
        threshold=evaluation.options.threshold,
    )


def _scores(evaluation: Evaluation) -> tuple[Score, ...]:
    """Returns the scores, the main ones first; counts are written without decimals."""
    scores = [_shown(score, evaluation) for score in scores_of(evaluation.options.scores, evaluation.cases[0].ndim)]
    main = [score for name in MAIN_SCORES for score in scores if score.name == name]
    return (*main, *(score for score in scores if score.name not in MAIN_SCORES))


def _shown(score: Score, evaluation: Evaluation) -> Score:
    values = [scores.numbers[score.name] for scores in evaluation.cases]
    is_count = all(value.is_integer() for value in values if not math.isnan(value))
    return replace(score, decimals=0) if is_count else score


def _settings(options: EvaluationOptions) -> dict[str, str]:
    """Returns the settings in words; options without a value are left out."""
    settings: dict[str, Any] = asdict(options)
    settings |= settings.pop("score_options")
    settings["scores"] = ", ".join(options.scores)
    settings["labels"] = None if options.labels is None else ", ".join(str(s) for s in options.structures)
    for output in ("label_map", "markups", "pictures"):
        del settings[output]
    return {name.replace("_", " "): str(value) for name, value in settings.items() if value is not None}
