"""Compares predictions: prints a table of their scores, and draws each test image with its label and predictions."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table
from skimage.measure import label as label_components

from segtopo.volumes import read_mask, read_volume

mpl.use("Agg")
import matplotlib.pyplot as plt

SCORES = {
    "dice": "Dice",
    "betti_0_error": "Betti-0 error",
    "betti_1_error": "Betti-1 error",
    "betti_matching_error": "Betti matching error",
}
BACKGROUND, LARGEST, MISSED = (1.0, 1.0, 1.0), (0.25, 0.25, 0.25), (1.0, 0.75, 0.75)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("test", type=Path, help="folder with images/ and labels/")
    parser.add_argument("runs", nargs="+", metavar="NAME=FOLDER", help="folders with predictions/ and evaluation/")
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures")
    arguments = parser.parse_args()
    runs = {name: Path(folder) for name, folder in (run.split("=", 1) for run in arguments.runs)}
    Console(width=120).print(score_table(runs))
    arguments.out.mkdir(parents=True, exist_ok=True)
    for image in sorted((arguments.test / "images").iterdir()):
        draw_case(image, arguments.test / "labels" / image.name, runs, arguments.out / f"{image.stem}.png")
    print(f"pictures (each component in a different colour, missed pixels in pink): {arguments.out}/")


def score_table(runs: dict[str, Path]) -> Table:
    """Returns a table with one row for each set of predictions: the mean of each score over the test cases."""
    table = Table("predictions", title="Test images: mean ± standard error")
    for title in SCORES.values():
        table.add_column(title, justify="right")
    for name, folder in runs.items():
        scores = json.loads((folder / "evaluation" / "summary.json").read_text(encoding="utf-8"))["summary"][
            "foreground"
        ]
        cells = [f"{scores[key]['mean']:.3f} ± {scores[key]['standard_error']:.3f}" for key in SCORES]
        table.add_row(name, *cells)
    return table


def draw_case(image: Path, label: Path, runs: dict[str, Path], picture: Path) -> None:
    """Draws an image, its label and each prediction."""
    reference = read_mask(label).array
    panels = {"image": read_volume(image).array, "label": coloured_components(reference, reference)}
    for name, folder in runs.items():
        panels[name] = coloured_components(read_mask(folder / "predictions" / image.name).array, reference)
    columns = (len(panels) + 1) // 2
    figure, axes = plt.subplots(2, columns, figsize=(4 * columns, 7.2), layout="constrained")
    for axis in axes.flat:
        axis.axis("off")
    for axis, (title, panel) in zip(axes.T.flat, panels.items(), strict=False):  # column by column
        axis.imshow(panel, cmap="gray", interpolation="nearest")
        axis.set_title(title)
    figure.savefig(picture, dpi=110)
    plt.close(figure)


def coloured_components(mask: npt.NDArray[np.bool_], reference: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Returns an RGB picture of a mask.

    The largest component is dark, every other component has a bright colour, and missed pixels of the reference are
    pink.
    """
    components = label_components(mask, connectivity=2)
    sizes = np.bincount(components.ravel())
    sizes[0] = 0
    bright = np.delete(np.array(mpl.colormaps["tab10"].colors), 7, axis=0)  # without its grey
    colours = np.resize(bright, (len(sizes), 3))
    colours[0], colours[sizes.argmax()] = BACKGROUND, LARGEST
    picture = colours[components]
    picture[reference & ~mask] = MISSED
    return picture


if __name__ == "__main__":
    main()
