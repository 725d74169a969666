"""Pairs of a prediction and its reference, found by their file names or listed in a table."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

from segtopo.errors import InputError, mismatch
from segtopo.volumes.file_names import image_stem, images_by_name, is_image, is_one_image

MissingPredictions: TypeAlias = Literal["error", "empty", "skip"]
"""The treatment of a reference without a prediction: an error, a prediction without foreground, or no case."""

NAMES_SHOWN = 5
CHANNEL = "_0000"  # nnU-Net appends the number of the channel to the names of images, not of label maps
CASE = "{case}"


@dataclass(frozen=True)
class CasePair:
    """A predicted mask and its reference.

    Attributes:
        name: The name of the case: the file name of the reference without its extension, or its folder.
        prediction: File of the predicted mask; None if it is missing and counts as empty.
        reference: File of the reference mask.
    """

    name: str
    prediction: Path | None
    reference: Path


@dataclass(frozen=True)
class CasePairs:
    """The cases of an evaluation, and the files that are in none.

    Attributes:
        cases: The cases, sorted by name.
        missing: Names of the references without a prediction.
        extra: Names of the predictions without a reference.
    """

    cases: tuple[CasePair, ...]
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()


def pair_cases(
    predictions: str | Path,
    references: str | Path | None = None,
    *,
    prediction_pattern: str | None = None,
    reference_pattern: str | None = None,
    missing: MissingPredictions = "error",
) -> CasePairs:
    """Pairs predicted masks with their references by name; extensions may differ. Two files are one case.

    A case has the name of its file, or of its folder if it is a DICOM series. If the folder holds sub-folders with one
    image each, the case has the name of its sub-folder. In other trees the name is the path from the folder, without
    the extension. An ending ``_0000``, the channel in the names of nnU-Net's images, is ignored where only one side has
    it.

    Args:
        predictions: Folder of predicted masks, or one mask; or a CSV file with the columns ``prediction`` and
            ``reference``, and ``case`` for names. Its paths are relative to its folder.
        references: Folder of reference masks, or one mask; None with a CSV file.
        prediction_pattern: Path of a prediction from its folder, with ``{case}`` in the place of the name and ``*`` for
            any text, for instance ``"{case}/seg_*.nii.gz"``.
        reference_pattern: The same for references.
        missing: The treatment of a reference without a prediction.

    Returns:
        The cases.

    Raises:
        InputError: A path does not exist, one path is a file and the other a folder, a folder contains no image or two
            images of one name, a prediction is missing and ``missing`` is ``"error"``, or there is no case at all.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("p/a_0000.png", "p/b.png", "r/a/seg.nii.gz", "r/c/seg.nii.gz"):
        ...     (folder / name).parent.mkdir(exist_ok=True, parents=True)
        ...     (folder / name).touch()
        >>> pairs = pair_cases(folder / "p", folder / "r", missing="skip")
        >>> [(case.name, case.prediction.name, case.reference.name) for case in pairs.cases]
        [('a', 'a_0000.png', 'seg.nii.gz')]
        >>> pairs.missing, pairs.extra
        (('c',), ('b',))
    """
    predictions = Path(predictions)
    if references is None:
        return _resolve(_read_table(predictions), missing, predictions, predictions)
    references = Path(references)
    for path in (predictions, references):
        if not path.exists():
            raise InputError(mismatch(path, got="no such file or folder", expected="a mask or a folder of masks"))
    is_single = is_one_image(predictions)
    if is_single != is_one_image(references):
        file, folder = (predictions, references) if is_single else (references, predictions)
        raise InputError(mismatch(file, got="one image", expected=f"a folder, because {folder} is a folder of cases"))
    if is_single:
        return CasePairs((CasePair(image_stem(predictions), predictions, references),))
    found = match_names(cases_of(predictions, prediction_pattern), cases_of(references, reference_pattern))
    return _resolve(found, missing, predictions, references)


def cases_of(folder: str | Path, pattern: str | None = None) -> dict[str, Path]:
    """Maps the name of each case in a folder to its image, see :func:`pair_cases`.

    Args:
        folder: The folder. Images in sub-folders count if the folder itself holds none, or if a pattern is given.
        pattern: See :func:`pair_cases`.

    Raises:
        InputError: There is no image, or two have one name.
    """
    folder = Path(folder)
    if pattern is not None:
        return _by_pattern(folder, pattern)
    files = list(_images_below(folder))
    if not files or any(path.parent == folder for path in files):
        return images_by_name(folder)
    folders = [path.parent for path in files]
    if len(set(folders)) == len(files):
        return {path.parent.relative_to(folder).as_posix(): path for path in files}
    return _unique(folder, [((path.parent / image_stem(path)).relative_to(folder).as_posix(), path) for path in files])


def match_names(predictions: Mapping[str, Path], references: Mapping[str, Path]) -> CasePairs:
    """Pairs files by name; the cases of missing predictions have None in their place."""
    prediction_of = dict(predictions)
    cases = []
    for name, reference in references.items():
        alike = (name, name + CHANNEL, name.removesuffix(CHANNEL))
        found = next((prediction_of.pop(other) for other in alike if other in prediction_of), None)
        cases.append(CasePair(name, found, reference))
    cases.sort(key=lambda case: case.name)
    return CasePairs(tuple(cases), tuple(case.name for case in cases if case.prediction is None), tuple(prediction_of))


def check_complete(pairs: CasePairs, predictions: Path, references: Path) -> None:
    """Raises InputError if a prediction or a reference is missing."""
    for folder, names, other, role, unless in (
        (predictions, pairs.missing, references, "prediction", ", unless missing ones are skipped"),
        (references, pairs.extra, predictions, "reference", ""),
    ):
        if names:
            got = f"no {role} for {shown(names)}"
            raise InputError(mismatch(folder, got=got, expected=f"a {role} for every case in {other}{unless}"))


def shown(names: Iterable[str]) -> str:
    """Joins names to a list of readable length.

    Example:
        >>> shown(["a", "b"]), shown("abcdefg")
        ('a, b', 'a, b, c, d, e and 2 more')
    """
    names = list(names)
    listed = ", ".join(names[:NAMES_SHOWN])
    return listed if len(names) <= NAMES_SHOWN else f"{listed} and {len(names) - NAMES_SHOWN} more"


def _resolve(pairs: CasePairs, missing: MissingPredictions, predictions: Path, references: Path) -> CasePairs:
    """Treats the missing predictions."""
    if missing == "error":
        check_complete(replace(pairs, extra=()), predictions, references)
    if missing == "skip":
        pairs = replace(pairs, cases=tuple(case for case in pairs.cases if case.prediction is not None))
    if not any(case.prediction for case in pairs.cases):
        got = f"no prediction for {shown(pairs.missing)}"
        raise InputError(mismatch(predictions, got=got, expected=f"predictions named like the cases in {references}"))
    return pairs


def _read_table(path: Path) -> CasePairs:
    """Reads a CSV file of pairs."""
    if not path.is_file() or path.suffix.lower() != ".csv":
        expected = "a folder of references beside the predictions, or a CSV file of pairs"
        raise InputError(mismatch(path, got="no references", expected=expected))
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        columns = rows.fieldnames or []
        if not {"prediction", "reference"} <= set(columns):
            got = f"the columns {', '.join(columns) or '(none)'}"
            raise InputError(mismatch(path, got=got, expected="the columns prediction and reference"))
        named = [(_case_of_row(row, path), row) for row in rows]
    references = _unique(path, [(name, path.parent / row["reference"]) for name, row in named])
    predictions = {name: path.parent / row["prediction"] for name, row in named if row["prediction"]}
    for file_of_row in (*references.values(), *predictions.values()):
        if not is_one_image(file_of_row):
            raise InputError(mismatch(path, got=f"no such file: {file_of_row}", expected="files that exist"))
    return match_names(predictions, references)


def _case_of_row(row: dict[str, str], path: Path) -> str:
    if not row["reference"]:
        raise InputError(mismatch(path, got="a row without a reference", expected="a reference in each row"))
    return row.get("case") or image_stem(path.parent / row["reference"])


def _by_pattern(folder: Path, pattern: str) -> dict[str, Path]:
    """Finds the images of a folder whose path fits a pattern."""
    if CASE not in pattern:
        raise InputError(
            mismatch("pattern", got=repr(pattern), expected=f"a path with {CASE} in the place of the name")
        )
    first, *others = (re.escape(part).replace(r"\*", "[^/]*") for part in pattern.split(CASE))
    regex = re.compile(first + "(?P<case>[^/]+?)" + "(?P=case)".join(others))
    files = [(regex.fullmatch(path.relative_to(folder).as_posix()), path) for path in sorted(folder.rglob("*"))]
    found = [(match["case"], path) for match, path in files if match and is_one_image(path)]
    if not found:
        raise InputError(mismatch(folder, got=f"no file that fits {pattern!r}", expected="at least one"))
    return _unique(folder, found)


def _unique(source: Path, named: Iterable[tuple[str, Path]]) -> dict[str, Path]:
    """Returns files by name and refuses two of one name."""
    files: dict[str, Path] = {}
    for name, path in named:
        if name in files:
            got = f"{files[name].name} and {path.name} for {name}"
            raise InputError(mismatch(source, got=got, expected="one image of each name"))
        files[name] = path
    return files


def _images_below(folder: Path) -> Iterator[Path]:
    """Yields the images in a folder and its sub-folders, without those that are hidden."""
    for path in sorted(folder.iterdir()) if os.access(folder, os.R_OK | os.X_OK) else ():
        if is_image(path):
            yield path
        elif path.is_dir() and path.name[0] != "." and not path.is_symlink():
            yield from _images_below(path)
