"""The rows of metrics.csv: the columns of an epoch, and the scores of its validation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

#: A value for each column that was measured in an epoch.
Row = dict[str, float]

#: Stands between the column of a score and the name of a class or region.
OF = "/"
EPOCH, LOSS, LEARNING_RATE, DICE, SECONDS = "epoch", "loss", "lr", "val_dice", "seconds"
#: By dimension of homology.
BETTI_ERRORS = ("val_betti_0_error", "val_betti_1_error", "val_betti_2_error")
#: The same after the repair of the masks.
REPAIRED_DICE = "val_repaired_dice"
REPAIRED_BETTI_ERRORS = ("val_repaired_betti_0_error", "val_repaired_betti_1_error", "val_repaired_betti_2_error")


@dataclass(frozen=True)
class Scores:
    """The Dice score, and the error of the Betti number of each dimension.

    Of several classes or regions they are means, and ``structures`` has the scores of each by its name.
    """

    dice: float
    betti_errors: tuple[float, ...]
    structures: dict[str, Scores] = field(default_factory=dict)

    def columns(self, dice: str, betti_errors: Sequence[str]) -> Row:
        """Returns the scores by column; a column of one structure has its name behind a slash.

        Example:
            >>> Scores(0.5, (2.0, 0.0), {"core of it": Scores(0.5, (2.0, 0.0))}).columns("dice", ["b0", "b1"])
            {'dice': 0.5, 'b0': 2.0, 'b1': 0.0, 'dice/core_of_it': 0.5, 'b0/core_of_it': 2.0, 'b1/core_of_it': 0.0}
        """
        row = {dice: self.dice, **dict(zip(betti_errors, self.betti_errors, strict=False))}
        for name, scores in self.structures.items():
            plain = re.sub(r"\W+", "_", name)  # MLflow refuses other characters
            row |= {f"{column}{OF}{plain}": value for column, value in scores.columns(dice, betti_errors).items()}
        return row


@dataclass(frozen=True)
class ValidationScores:
    """The mean scores of the validation cases: as predicted and, if the config asks for it, repaired."""

    predicted: Scores
    repaired: Scores | None

    @property
    def columns(self) -> Row:
        """The scores by column."""
        row = self.predicted.columns(DICE, BETTI_ERRORS)
        if self.repaired is not None:
            row |= self.repaired.columns(REPAIRED_DICE, REPAIRED_BETTI_ERRORS)
        return row


def goodness(row: Row, score: str) -> float | None:
    """Returns the value of a score of the config's ``validation.best`` in an epoch; larger is better.

    None is an epoch without validation.

    Example:
        >>> goodness({"val_dice": 0.8, "val_betti_0_error": 2.0, "val_betti_1_error": 0.5}, "betti_error")
        -2.5
    """
    is_repaired = score.startswith("repaired")
    if score.endswith("dice"):
        return row.get(REPAIRED_DICE if is_repaired else DICE)
    errors = [row[column] for column in (REPAIRED_BETTI_ERRORS if is_repaired else BETTI_ERRORS) if column in row]
    return -sum(errors) if errors else None


def validations_since_best(history: Sequence[Row], score: str) -> int:
    """Counts the validations after the one with the best score.

    Example:
        >>> validations_since_best([{"val_dice": 0.7}, {"val_dice": 0.8}, {}, {"val_dice": 0.8}], "dice")
        1
    """
    values = [value for row in history if (value := goodness(row, score)) is not None]
    return len(values) - 1 - values.index(max(values)) if values else 0


def mean_scores(cases: Sequence[Scores]) -> Scores:
    """Averages the scores of cases.

    Example:
        >>> mean_scores([Scores(0.5, (2.0, 0.0)), Scores(1.0, (0.0, 1.0))])
        Scores(dice=0.75, betti_errors=(1.0, 0.5), structures={})
    """
    number = len(cases)
    errors = zip(*(case.betti_errors for case in cases), strict=True)
    structures = {name: mean_scores([case.structures[name] for case in cases]) for name in cases[0].structures}
    dice = sum(case.dice for case in cases) / number
    return Scores(dice, tuple(sum(values) / number for values in errors), structures)


def columns_of(history: Sequence[Row]) -> list[str]:
    """Lists all columns of a history, in the order of their first appearance."""
    return list(dict.fromkeys(column for row in history for column in row))


def loss_columns(history: Sequence[Row]) -> list[str]:
    """Lists the columns of the loss and of its components."""
    others = {EPOCH, LEARNING_RATE, DICE, SECONDS, *BETTI_ERRORS, REPAIRED_DICE, *REPAIRED_BETTI_ERRORS}
    return [column for column in columns_of(history) if column not in others and OF not in column]
