"""A comparison of reports as one HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segtopo.evaluation.comparison.comparison import Comparison
from segtopo.evaluation.comparison.differences import LEAST_PAIRS
from segtopo.evaluation.comparison.rankings import Ranking
from segtopo.evaluation.comparison.score_names import better_direction, score_title
from segtopo.evaluation.intervals import LEVEL, RESAMPLES
from segtopo.evaluation.reports.html.box_plots import Box, Scale
from segtopo.evaluation.reports.html.rendering import render
from segtopo.evaluation.scores import Better

ALPHA = 0.05
WIDTH, HEIGHT, LEFT, TOP = 320, 190, 40, 8  # of a plot, in its own units


def render_comparison(comparison: Comparison) -> str:
    """Renders a comparison as one HTML page that needs no other file.

    Args:
        comparison: The comparison.

    Returns:
        The page. The same comparison gives the same page.
    """
    structures = comparison.structures
    return render(
        "comparison.html",
        comparison=comparison,
        structures=structures,
        cases=len({case for case, _ in comparison.rows}),
        missing=[pair for pair in zip(comparison.names, comparison.missing, strict=True) if pair[1]],
        decimals={score: comparison.decimals(score) for score in comparison.scores},
        titles={score: score_title(score) for score in comparison.scores},
        rankings=[
            (structure, [r for r in comparison.rankings if r.structure == structure]) for structure in structures
        ],
        ranking_parts=_ranking_parts,
        plots=[
            plot
            for structure in structures
            for score in comparison.scores
            if (plot := _plot(comparison, structure, score))
        ],
        size=(WIDTH, HEIGHT, LEFT, TOP),
        level=round(100 * LEVEL),
        resamples=RESAMPLES,
        alpha=ALPHA,
        least_pairs=LEAST_PAIRS,
    )


def _ranking_parts(ranking: Ranking, report: int) -> list[tuple[int, float]]:
    """Returns the ranks of a report that occur, each with its share of the samples in percent."""
    return [(rank, round(100 * share, 1)) for rank, share in enumerate(ranking.shares[report], start=1) if share]


@dataclass(frozen=True)
class _Plot:
    """The values of all cases, one column for each report, in the units of the plot."""

    structure: str
    score: str
    better: Better | None
    ticks: list[tuple[float, float]]
    columns: list[tuple[float, Box | None]]
    lines: list[tuple[str, str]]
    width: float

    def y(self, percent: float) -> float:
        """Returns the height of a value that is given in percent of the scale."""
        return round(TOP + (HEIGHT - 2 * TOP) * (1 - percent / 100), 1)


def _plot(comparison: Comparison, structure: str, score: str) -> _Plot | None:
    """Places the values of a score; a line joins the values of a case that all reports have."""
    values = comparison.values(structure, score)
    counted = values[~np.isnan(values)]
    if not counted.size:
        return None
    scale = Scale.of(counted)
    step = (WIDTH - LEFT) / len(comparison.names)
    at = [round(LEFT + step * (column + 0.5), 1) for column in range(len(comparison.names))]
    boxes = [Box.of(name, values[:, column].tolist(), scale) for column, name in enumerate(comparison.names)]
    plot = _Plot(
        structure,
        score,
        better_direction(score),
        [(tick, scale.percent(tick)) for tick in scale.ticks],
        list(zip(at, boxes, strict=True)),
        [],
        min(step / 3, 44),
    )
    names = [case for case, of_structure in comparison.rows if of_structure == structure]
    plot.lines.extend(_lines(plot, names, values, scale, at))
    return plot


def _lines(
    plot: _Plot, names: Sequence[str], values: npt.NDArray[np.float64], scale: Scale, at: Sequence[float]
) -> list[tuple[str, str]]:
    """Returns the name and the points of the line of each case that has all values."""
    return [
        (name, " ".join(f"{x},{plot.y(scale.percent(value))}" for x, value in zip(at, row, strict=True)))
        for name, row in zip(names, values.tolist(), strict=True)
        if not np.isnan(row).any()
    ]
