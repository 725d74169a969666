"""Pairs of a prediction and its reference, found by their file names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from segtopo.errors import InputError, mismatch
from segtopo.volumes import image_stem, images_by_name

NAMES_SHOWN = 5


@dataclass(frozen=True)
class CasePair:
    """A predicted mask and its reference.

    Attributes:
        name: The file name of both, without its extension.
        prediction: File of the predicted mask.
        reference: File of the reference mask.
    """

    name: str
    prediction: Path
    reference: Path


def pair_cases(predictions: str | Path, references: str | Path) -> list[CasePair]:
    """Pairs the images of two folders by name; their extensions may differ. Two files are one case.

    Args:
        predictions: Folder of predicted masks, or one mask.
        references: Folder of reference masks, or one mask.

    Returns:
        The cases, sorted by name.

    Raises:
        InputError: A path does not exist, one path is a file and the other a folder, a folder contains no image or two
            images of one name, or only one folder contains a case.
    """
    predictions, references = Path(predictions), Path(references)
    for path in (predictions, references):
        if not path.exists():
            raise InputError(mismatch(path, got="no such file or folder", expected="a mask or a folder of masks"))
    if predictions.is_dir() != references.is_dir():
        folder, file = (predictions, references) if predictions.is_dir() else (references, predictions)
        raise InputError(mismatch(file, got="a file", expected=f"a folder, because {folder} is a folder"))
    if predictions.is_file():
        return [CasePair(image_stem(predictions), predictions, references)]
    prediction_of, reference_of = images_by_name(predictions), images_by_name(references)
    check_paired(predictions, prediction_of.keys(), references, reference_of.keys())
    return [CasePair(name, prediction_of[name], reference_of[name]) for name in sorted(reference_of)]


def check_paired(
    predictions: Path, prediction_names: Iterable[str], references: Path, reference_names: Iterable[str]
) -> None:
    """Raises InputError unless two folders contain the same cases."""
    predicted, known = set(prediction_names), set(reference_names)
    _check_complete(predictions, predicted, references, known, "prediction")
    _check_complete(references, known, predictions, predicted, "reference")


def _check_complete(
    folder: Path, names: Iterable[str], other_folder: Path, other_names: Iterable[str], role: str
) -> None:
    """Raises InputError if the folder does not contain every name of the other folder."""
    missing = sorted(set(other_names) - set(names))
    if missing:
        listed = ", ".join(missing[:NAMES_SHOWN])
        if len(missing) > NAMES_SHOWN:
            listed += f" and {len(missing) - NAMES_SHOWN} more"
        raise InputError(
            mismatch(folder, got=f"no {role} for {listed}", expected=f"a {role} for every case in {other_folder}")
        )
