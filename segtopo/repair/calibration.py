"""The choice of repair rules on validation cases."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy.typing as npt

from segtopo.errors import InputError, mismatch
from segtopo.persistence.inputs import check_not_negative, thread_count
from segtopo.repair.calibration_case import CalibrationCase
from segtopo.repair.figures import Figures
from segtopo.repair.grid import RuleGrid
from segtopo.repair.mask_repair import check_betti_numbers
from segtopo.repair.rules import RepairRules

if TYPE_CHECKING:
    import torch

Criterion: TypeAlias = Literal["betti_matching_error", "diu"]
"""The error that the chosen rules have least of, an attribute of :class:`Figures`."""


@dataclass(frozen=True)
class Calibration:
    """The rules chosen on validation cases, with the figures of all rules tried.

    Attributes:
        rules: The chosen rules.
        grid: The rules tried.
        cases: For each case the figures of all rules of ``grid``.
        as_predicted: The mean figures of the masks before the repair, at the threshold of the given rules.
        tolerance: The Dice coefficient that the choice may lose against the best.
        criterion: The error that the chosen rules have least of.
    """

    rules: RepairRules
    grid: tuple[RepairRules, ...]
    cases: tuple[tuple[Figures, ...], ...]
    as_predicted: Figures
    tolerance: float
    criterion: Criterion = "betti_matching_error"

    @property
    def means(self) -> list[Figures]:
        """The mean figures of all rules of the grid."""
        return [Figures.mean(cases) for cases in zip(*self.cases, strict=True)]

    @property
    def repaired(self) -> Figures:
        """The mean figures of the chosen rules."""
        return self.means[self.grid.index(self.rules)]

    @property
    def removal_only(self) -> tuple[RepairRules, Figures] | None:
        """The best rules that join nothing, chosen in the same way, and their mean figures."""
        without = [i for i, rules in enumerate(self.grid) if rules.connect_above is None]
        if not without:
            return None
        best = without[_choose([self.means[i] for i in without], self.tolerance, self.criterion)]
        return self.grid[best], self.means[best]

    @property
    def leave_one_out(self) -> Figures | None:
        """The mean figures of each case under the rules that the other cases choose; None for a single case.

        Where they are much worse than :attr:`repaired`, the choice depends on single cases.
        """
        if len(self.cases) < 2:
            return None
        left_out = []
        for number, case in enumerate(self.cases):
            others = self.cases[:number] + self.cases[number + 1 :]
            means = [Figures.mean(figures) for figures in zip(*others, strict=True)]
            left_out.append(case[_choose(means, self.tolerance, self.criterion)])
        return Figures.mean(left_out)

    @property
    def summary(self) -> str:
        """A line with the Betti matching error and the Dice coefficient before and after the repair."""
        before, after = self.as_predicted, self.repaired
        return (
            f"Betti matching error {before.betti_matching_error:.1f} to {after.betti_matching_error:.1f}, "
            f"Dice {before.dice:.3f} to {after.dice:.3f}"
        )

    def save(self, path: str | Path) -> None:
        """Writes the rules and all figures to a JSON file that :meth:`RepairRules.load` reads."""
        removal = self.removal_only
        content = {
            "rules": asdict(self.rules),
            "figures": {
                "as predicted": asdict(self.as_predicted),
                "small pieces removed": None if removal is None else asdict(removal[1]),
                "repaired": asdict(self.repaired),
                "repaired, leave one out": None if self.leave_one_out is None else asdict(self.leave_one_out),
            },
            "cases": len(self.cases),
            "tolerance": self.tolerance,
            "criterion": self.criterion,
            "grid": [asdict(rules) | asdict(figures) for rules, figures in zip(self.grid, self.means, strict=True)],
        }
        Path(path).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def calibrate_repair(
    probabilities: Iterable[npt.ArrayLike | torch.Tensor],
    references: Iterable[npt.ArrayLike | torch.Tensor],
    *,
    spacings: Iterable[Sequence[float] | None] | None = None,
    rules: RepairRules = RepairRules(),  # noqa: B008 -- frozen
    grid: RuleGrid = RuleGrid(),  # noqa: B008 -- frozen
    tolerance: float = 0.002,
    criterion: Criterion = "betti_matching_error",
    num_threads: int | None = None,
    progress: Callable[[str, int, int], None] = lambda case, number, total: None,
) -> Calibration:
    """Chooses repair rules: the least topological error on validation cases, with Dice close to the best.

    Persistence is computed once for each case and threshold. All rules of the grid then use the same paths.

    Args:
        probabilities: The probability maps of the cases, as for :func:`repair_mask`. A generator is read case by case.
        references: Their reference masks.
        spacings: Their voxel sizes in mm. None: 1.
        rules: The rules that the grid does not vary, for instance the construction and the Betti numbers.
        grid: The values to try.
        tolerance: The mean Dice coefficient that the choice may lose against the best rules of the grid.
        criterion: The error to reduce: ``"betti_matching_error"``, or ``"diu"``, which also counts joins that lie
            beside the vessels of the reference and so joins less.
        num_threads: Threads to use; by default the number of CPUs.
        progress: Called before each case with its name, its number (from 1) and the number of cases, 0 if unknown.

    Returns:
        The chosen rules and the figures of all rules.

    Raises:
        InputError: There is no case or no rule to try, the numbers of maps and references differ, a map or a reference
            cannot be used, or the cases have different numbers of axes.

    Example:
        >>> import numpy as np
        >>> reference = np.zeros((5, 12), bool)
        >>> reference[2, 1:11] = True
        >>> probability = np.where(reference, 0.9, 0.0)
        >>> probability[2, 5] = 0.2  # a gap
        >>> probability[0, 8] = 0.6  # a speck
        >>> calibration = calibrate_repair([probability], [reference], grid=RuleGrid(min_piece_sizes=(0, 2)))
        >>> calibration.as_predicted.betti_matching_error, calibration.repaired.betti_matching_error
        (2.0, 0.0)
        >>> calibration.rules.connect_above
        0.1
    """
    calibrator = Calibrator(rules, grid, tolerance=tolerance, criterion=criterion, num_threads=num_threads)
    total = len(probabilities) if isinstance(probabilities, Sequence) else 0
    for number, (values, mask, spacing) in enumerate(_cases(probabilities, references, spacings), start=1):
        progress(f"case {number}", number, total)
        calibrator.add(values, mask, spacing)
    return calibrator.calibration()


class Calibrator:
    """Tries all rules on one case after another, for instance on those of several classes by turns.

    See :func:`calibrate_repair` for the arguments and the errors.
    """

    def __init__(
        self,
        rules: RepairRules = RepairRules(),  # noqa: B008 -- frozen
        grid: RuleGrid = RuleGrid(),  # noqa: B008 -- frozen
        *,
        tolerance: float = 0.002,
        criterion: Criterion = "betti_matching_error",
        num_threads: int | None = None,
    ) -> None:
        check_not_negative(tolerance, "tolerance")
        if criterion not in get_args(Criterion):
            raise InputError(mismatch("criterion", got=repr(criterion), expected=f"one of {get_args(Criterion)}"))
        self.rules = rules
        self.grid = grid
        self.tolerance = tolerance
        self.criterion = criterion
        self.threads = thread_count(num_threads)
        self.tried: tuple[RepairRules, ...] = ()
        self.cases: list[tuple[Figures, ...]] = []
        self.unrepaired: list[Figures] = []

    def add(
        self,
        values: npt.ArrayLike | torch.Tensor,
        reference: npt.ArrayLike | torch.Tensor,
        spacing: Sequence[float] | None = None,
    ) -> None:
        """Tries all rules on the probability map of a case and its reference mask."""
        case = CalibrationCase.of(values, reference, spacing)
        ndim = case.probability.ndim
        check_betti_numbers(self.rules, ndim)
        if self.unrepaired and len(self.unrepaired[0].betti_errors) != ndim:
            expected = f"{len(self.unrepaired[0].betti_errors)}D maps, like the first case"
            raise InputError(mismatch(f"case {len(self.cases) + 1}", got=f"a {ndim}D map", expected=expected))
        self.tried = self.tried or tuple(self.grid.rules(self.rules, case.voxel_size, ndim))
        if not self.tried:
            expected = "at least one value of each rule"
            raise InputError(mismatch("grid", got="a rule without values", expected=expected))
        self.unrepaired.append(case.figures(case.probability > self.rules.threshold, self.rules))
        self.cases.append(tuple(case.try_all(self.tried, self.threads)))

    def calibration(self) -> Calibration:
        """Chooses the rules."""
        if not self.cases:
            raise InputError(mismatch("probabilities", got="no case", expected="at least one"))
        means = [Figures.mean(figures) for figures in zip(*self.cases, strict=True)]
        chosen = self.tried[_choose(means, self.tolerance, self.criterion)]
        unrepaired = Figures.mean(self.unrepaired)
        return Calibration(chosen, self.tried, tuple(self.cases), unrepaired, self.tolerance, self.criterion)


def _cases(
    probabilities: Iterable[npt.ArrayLike | torch.Tensor],
    references: Iterable[npt.ArrayLike | torch.Tensor],
    spacings: Iterable[Sequence[float] | None] | None,
) -> Iterator[tuple[npt.ArrayLike | torch.Tensor, npt.ArrayLike | torch.Tensor, Sequence[float] | None]]:
    columns = [probabilities, references] if spacings is None else [probabilities, references, spacings]
    iterators = [iter(column) for column in columns]
    nothing = object()
    while True:
        row = [next(iterator, nothing) for iterator in iterators]
        if all(item is nothing for item in row):
            return
        if any(item is nothing for item in row):
            expected = "one for each probability map"
            raise InputError(mismatch("references or spacings", got="more or fewer than maps", expected=expected))
        yield (*row, None)[:3]  # type: ignore[misc]


def _choose(means: Sequence[Figures], tolerance: float, criterion: Criterion) -> int:
    """Returns the number of the figures with the least error among those with Dice close to the best."""
    best = max(figures.dice for figures in means)
    allowed = [i for i, figures in enumerate(means) if figures.dice >= best - tolerance]
    return min(allowed, key=lambda i: (getattr(means[i], criterion), -means[i].tree_length, -means[i].dice))
