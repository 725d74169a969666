"""The result of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass

from segtopo.evaluation.case_scores import CaseScores
from segtopo.evaluation.statistics import Statistic
from segtopo.persistence import Construction


@dataclass(frozen=True)
class Evaluation:
    """The scores of all cases and their summary.

    Attributes:
        predictions: Path of the predicted masks.
        references: Path of the reference masks.
        construction: ``"T"`` or ``"V"``, see :func:`segtopo.masks.betti_numbers`.
        cases: Scores of every case and structure.
        summary: For each structure (``"foreground"``, or the label) the statistics of each score over the cases.
    """

    predictions: str
    references: str
    construction: Construction
    cases: list[CaseScores]
    summary: dict[str, dict[str, Statistic]]
