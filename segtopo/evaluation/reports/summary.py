"""The summary of an evaluation as a JSON file."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from segtopo import __version__
from segtopo.evaluation.results import Evaluation


def write_summary(path: Path, evaluation: Evaluation) -> None:
    """Writes the paths, the settings, the failures, and the statistics of each structure and score."""
    facts = {
        "segtopo": __version__,
        "predictions": evaluation.predictions,
        "references": evaluation.references,
        "settings": asdict(evaluation.options),
        "cases": evaluation.number_of_cases,
        "failures": evaluation.failures,
        "missing predictions": evaluation.missing,
        "predictions without a reference": evaluation.extra,
        "remarks": evaluation.remarks,
        "summary": {
            structure: {name: asdict(statistic) for name, statistic in statistics.items()}
            for structure, statistics in evaluation.summary.items()
        },
    }
    path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
