"""Which prediction belongs to which reference."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from segtopo.errors import InputError
from segtopo.volumes import image_stem, images_by_name

NAMES_SHOWN = 5


@dataclass(frozen=True)
class Case:
    """A predicted mask and its reference.

    Attributes:
        name: the file name they share, without its extension.
        prediction: file of the predicted mask.
        reference: file of the reference mask.
    """

    name: str
    prediction: Path
    reference: Path


def pair_cases(predictions: str | Path, references: str | Path) -> list[Case]:
    """Pair the images of two folders by name; their extensions may differ. Two files are one case.

    Args:
        predictions: folder of predicted masks, or one mask.
        references: folder of reference masks, or one mask.

    Returns:
        The cases, sorted by name.

    Raises:
        InputError: a path does not exist, a file faces a folder, a folder holds no image or two images of one name,
            or a case is in one folder only.
    """
    predictions, references = Path(predictions), Path(references)
    for path in (predictions, references):
        if not path.exists():
            raise InputError(f"{path}: no such file or folder, expected a mask or a folder of masks")
    if predictions.is_dir() != references.is_dir():
        folder, file = (predictions, references) if predictions.is_dir() else (references, predictions)
        raise InputError(f"{folder} is a folder and {file} is a file, expected two folders or two files")
    if predictions.is_file():
        return [Case(image_stem(predictions), predictions, references)]
    predicted, expected = images_by_name(predictions), images_by_name(references)
    if missing := expected.keys() - predicted.keys():
        raise InputError(f"{predictions}: no prediction for {_listed(missing)}, which {references} has")
    if extra := predicted.keys() - expected.keys():
        raise InputError(f"{references}: no reference for {_listed(extra)}, which {predictions} has")
    return [Case(name, predicted[name], expected[name]) for name in sorted(expected)]


def _listed(names: Iterable[str]) -> str:
    names = sorted(names)
    shown = ", ".join(names[:NAMES_SHOWN])
    return shown if len(names) <= NAMES_SHOWN else f"{shown} and {len(names) - NAMES_SHOWN} more"
