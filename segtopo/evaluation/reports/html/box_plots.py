"""Geometry of box plots: the template draws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MOST_POINTS = 60  # of more values only those beyond the whiskers are drawn
TICKS = 4
WHISKER = 1.5  # interquartile ranges
ROUNDING = 1e-9  # values that differ less are equal


@dataclass(frozen=True)
class Scale:
    """A scale from values to percent.

    Attributes:
        low: Value at 0 %.
        high: Value at 100 %.
        ticks: Values of the ticks.
    """

    low: float
    high: float
    ticks: tuple[float, ...]

    @classmethod
    def of(cls, values: npt.ArrayLike) -> Scale:
        """Chooses round ticks around finite values.

        Example:
            >>> Scale.of([0.61, 0.98]).ticks
            (0.6, 0.7, 0.8, 0.9, 1.0)
        """
        low, high = float(np.min(values)), float(np.max(values))
        if high - low <= ROUNDING * max(1.0, abs(low), abs(high)):
            low, high = (low - 0.5, high + 0.5) if low else (0.0, 1.0)
        raw = (high - low) / TICKS
        power = 10.0 ** np.floor(np.log10(raw))
        step = power * min((m for m in (1, 2, 5, 10) if m * power >= raw * 0.95), default=10)
        first, last = np.floor(low / step + 1e-9), np.ceil(high / step - 1e-9)
        ticks = tuple(float(round(n * step, 10)) for n in range(int(first), int(last) + 1))
        return cls(ticks[0], ticks[-1], ticks)

    def percent(self, value: float) -> float:
        """Returns the position of a value."""
        return round(100 * (value - self.low) / (self.high - self.low), 2)


@dataclass(frozen=True)
class Box:
    """A box plot of values, in percent of a scale.

    Attributes:
        label: Name of the values.
        quartiles: The three quartiles.
        whiskers: The outermost values within 1.5 interquartile ranges of the box.
        points: Position and number of each value that is drawn as a point.
    """

    label: str
    quartiles: tuple[float, float, float]
    whiskers: tuple[float, float]
    points: tuple[tuple[float, int], ...]

    @classmethod
    def of(cls, label: str, values: Sequence[float], scale: Scale) -> Box | None:
        """Computes the box of the values that are counted; None if there is none."""
        counted = [(float(value), number) for number, value in enumerate(values) if np.isfinite(value)]
        if not counted:
            return None
        sample = np.array([value for value, _ in counted])
        low, middle, high = (float(q) for q in np.quantile(sample, (0.25, 0.5, 0.75)))
        reach = WHISKER * (high - low)
        inside = sample[(sample >= low - reach) & (sample <= high + reach)]
        whiskers = min(float(inside.min()), low), max(float(inside.max()), high)
        few = len(counted) <= MOST_POINTS
        points = [(scale.percent(v), n) for v, n in counted if few or not whiskers[0] <= v <= whiskers[1]]
        return cls(
            label,
            (scale.percent(low), scale.percent(middle), scale.percent(high)),
            (scale.percent(whiskers[0]), scale.percent(whiskers[1])),
            tuple(points),
        )
