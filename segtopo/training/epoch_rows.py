"""The rows of metrics.csv: the columns of an epoch, and the scores of its validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: A value for each column that was measured in an epoch.
Row = dict[str, float]

EPOCH, LOSS, LEARNING_RATE, DICE, SECONDS = "epoch", "loss", "lr", "val_dice", "seconds"
#: By dimension of homology.
BETTI_ERRORS = ("val_betti_0_error", "val_betti_1_error", "val_betti_2_error")


@dataclass(frozen=True)
class Scores:
    """The Dice score, and the error of the Betti number of each dimension."""

    dice: float
    betti_errors: tuple[float, ...]

    @property
    def columns(self) -> Row:
        """The scores by column."""
        return {DICE: self.dice, **dict(zip(BETTI_ERRORS, self.betti_errors, strict=False))}


def mean_scores(cases: Sequence[Scores]) -> Scores:
    """Averages the scores of cases.

    Example:
        >>> mean_scores([Scores(0.5, (2.0, 0.0)), Scores(1.0, (0.0, 1.0))])
        Scores(dice=0.75, betti_errors=(1.0, 0.5))
    """
    number = len(cases)
    errors = zip(*(case.betti_errors for case in cases), strict=True)
    return Scores(sum(case.dice for case in cases) / number, tuple(sum(values) / number for values in errors))


def columns_of(history: Sequence[Row]) -> list[str]:
    """Lists all columns of a history, in the order of their first appearance."""
    return list(dict.fromkeys(column for row in history for column in row))


def loss_columns(history: Sequence[Row]) -> list[str]:
    """Lists the columns of the loss and of its components."""
    others = {EPOCH, LEARNING_RATE, DICE, SECONDS, *BETTI_ERRORS}
    return [column for column in columns_of(history) if column not in others]
