"""The result of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from segtopo.evaluation.case_scores import CaseScores
from segtopo.evaluation.options import EvaluationOptions
from segtopo.evaluation.statistics import Statistic


@dataclass(frozen=True)
class Evaluation:
    """The scores of all cases and their summary.

    Attributes:
        predictions: Path of the predicted masks.
        references: Path of the reference masks.
        options: The settings.
        cases: Scores of every case and structure.
        summary: For each structure the statistics of each score over the cases.
        failures: For each case that could not be scored the reason.
        missing: Names of the references without a prediction.
        extra: Names of the predictions without a reference.
        remarks: For each case the sentences about its files.
        command: The command line.
    """

    predictions: str
    references: str
    options: EvaluationOptions
    cases: tuple[CaseScores, ...]
    summary: Mapping[str, Mapping[str, Statistic]]
    failures: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    remarks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    command: str = ""

    @property
    def number_of_cases(self) -> int:
        """Number of the cases that have scores."""
        return len({scores.case for scores in self.cases})
