"""The HTML report."""

from __future__ import annotations

from pathlib import Path

from segtopo.evaluation.results import Evaluation


def write_html(path: Path, evaluation: Evaluation) -> None:
    """Writes the page."""
    path.write_text("", encoding="utf-8")
