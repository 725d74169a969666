"""The summary of an evaluation as a JSON file."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from segtopo.evaluation.results import Evaluation


def write_summary(path: Path, evaluation: Evaluation) -> None:
    """Writes what was evaluated, and the statistics of each structure and score."""
    facts = {
        "predictions": evaluation.predictions,
        "references": evaluation.references,
        "construction": evaluation.construction,
        "cases": len({scores.case for scores in evaluation.cases}),
        "summary": {
            label: {name: asdict(statistic) for name, statistic in statistics.items()}
            for label, statistics in evaluation.summary.items()
        },
    }
    path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
