"""The rows of the tables of results: masks as predicted, with small pieces removed, and repaired."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

from segtopo.masks.skeletons import skeleton
from segtopo.repair import Figures, RepairRules, read_probability, repair_mask
from segtopo.volumes import image_stem, images_by_name, read_mask

ROWS = ("as predicted", "small pieces removed", "repaired")
FIGURES = ("Dice", "tree length", "Betti-0 error", "Betti matching error")
DIGITS = (3, 3, 1, 1)


def argument_parser(description: str | None) -> argparse.ArgumentParser:
    """Returns the parser of a script that trains by a config and scores test images."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("test", type=Path, help="folder with images/ and labels/")
    parser.add_argument("overrides", nargs="*", metavar="KEY.PATH=VALUE")
    parser.add_argument("--out", type=Path, required=True)
    return parser


def table_row(titles: Iterable[str], means: Iterable[float], deviations: Iterable[float]) -> str:
    """Returns a row of a table in Markdown: its titles, then the mean and standard deviation of each figure."""
    figures = zip(means, deviations, DIGITS, strict=True)
    return f"| {' | '.join([*titles, *(f'{m:.{d}f} ± {s:.{d}f}' for m, s, d in figures)])} |"


def figures_by_row(probabilities: Path, labels: Path, rules: Path) -> dict[str, list[list[float]]]:
    """Returns the figures of each test case, by row.

    Args:
        probabilities: The probability maps that ``segtopo predict --probabilities`` wrote.
        labels: The reference masks.
        rules: The ``repair_rules.json`` of a training, with the table of its validation cases.
    """
    references = images_by_name(labels)
    figures: dict[str, list[list[float]]] = {row: [] for row in ROWS}
    for path in sorted(probabilities.iterdir()):
        probability = read_probability(path).foreground[0]
        reference = read_mask(references[image_stem(path)]).array.astype(bool)
        for row, chosen in _rules_of_rows(rules).items():
            mask = probability > 0.5 if chosen is None else repair_mask(probability, chosen).mask
            found = Figures.of(mask, reference, skeleton(reference), "T")
            figures[row].append([found.dice, found.tree_length, found.betti_errors[0], found.betti_matching_error])
    return figures


def _rules_of_rows(path: Path) -> dict[str, RepairRules | None]:
    """Returns the rules of each row; those that only remove are chosen as the calibration chooses."""
    content = json.loads(path.read_text(encoding="utf-8"))
    removal = [entry for entry in content["grid"] if entry["connect_above"] is None]
    best = max(entry["dice"] for entry in removal)
    allowed = [entry for entry in removal if entry["dice"] >= best - content["tolerance"]]
    chosen = min(allowed, key=lambda entry: (sum(entry["betti_matching_errors"]), -entry["tree_length"]))
    keys = {field.name for field in fields(RepairRules)}
    rules = {key: value for key, value in chosen.items() if key in keys}
    return dict(zip(ROWS, (None, RepairRules.of(rules, path), RepairRules.load(path)), strict=True))
