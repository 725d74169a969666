"""A picture of a calibration: error against Dice for all rules of the grid."""

from __future__ import annotations

from pathlib import Path

from segtopo.atomic_output import atomic_output
from segtopo.repair.calibration import Calibration


def draw_calibration(calibration: Calibration, path: Path) -> None:
    """Draws the Betti matching error and the detected tree length of all rules against Dice; needs matplotlib.

    The limit of the joins is the colour. The chosen rules, the best rules without joins and the masks before the
    repair are marked.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    means = calibration.means
    limits = sorted({rules.connect_above or 0 for rules in calibration.grid}, reverse=True)
    colours = {limit: colormaps["viridis"](i / max(1, len(limits) - 1)) for i, limit in enumerate(limits)}
    removal = calibration.removal_only
    marked = {"as predicted": (calibration.as_predicted, "s"), "chosen": (calibration.repaired, "*")}
    if removal is not None:
        marked["best without joins"] = (removal[1], "D")
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    panels = {"Betti matching error": "betti_matching_error", "tree length detected": "tree_length"}
    for axes, (title, name) in zip(figure.subplots(1, 2), panels.items(), strict=True):
        for limit in reversed(limits):
            of_limit = [m for m, r in zip(means, calibration.grid, strict=True) if (r.connect_above or 0) == limit]
            text = f"joined above {limit:g}" if limit else "not joined"
            values = [getattr(m, name) for m in of_limit]
            axes.scatter([m.dice for m in of_limit], values, 14, color=colours[limit], label=text)
        for text, (figures, marker) in marked.items():
            ring = {"marker": marker, "facecolors": "none", "edgecolors": "red"}
            axes.scatter(figures.dice, getattr(figures, name), 110, label=text, **ring)
        axes.set(xlabel="Dice", title=title)
        axes.locator_params(axis="x", nbins=5)
    figure.axes[0].set_yscale("symlog", linthresh=1)  # shows an error of 0 too
    figure.axes[1].legend(fontsize="small", loc="center left", bbox_to_anchor=(1.02, 0.5))
    with atomic_output(path) as part:
        figure.savefig(part, dpi=120)
