"""The sources of training cases: two folders, a ``dataset.json``, or a table."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from glob import escape as glob_escape
from pathlib import Path
from typing import Any

from segtopo.config.data import DataConfig, Folders
from segtopo.errors import InputError, mismatch
from segtopo.volumes import group_channel_files, image_stem, images_by_name, is_one_image
from segtopo.volumes.dataset_json import read_dataset_json

IMAGE, LABEL, CASE, GROUP, FOLD = "image", "label", "case", "group", "fold"


@dataclass(frozen=True)
class TrainingCase:
    """An image, in one file or in a file for each channel, and its label.

    ``group`` names the cases that a split does not separate, None if each case is a group of its own. ``fold`` is the
    number of the fold in which it is validated, None if the split chooses.
    """

    name: str
    images: tuple[Path, ...]
    label: Path
    group: str | None = None
    fold: int | None = None


def cases_of_source(data: DataConfig) -> list[TrainingCase]:
    """Lists the cases of the source that a config names.

    Raises:
        InputError: The source is missing, empty or names files that do not exist, or an image has no label.
    """
    if data.train is not None:
        return pair_folders(data.train)
    return read_table(data.table) if data.table is not None else read_dataset(data)


def pair_folders(folders: Folders) -> list[TrainingCase]:
    """Pairs images and labels by name; the channels of an image may be files, ``case_0000`` and ``case_0001``.

    Raises:
        InputError: A folder is missing or empty, or an image has no label.
    """
    images, labels = images_by_name(folders.images), images_by_name(folders.labels)
    return _pair(images, labels, folders.labels)


def _pair(images: Mapping[str, Path], labels: Mapping[str, Path], folder: Path) -> list[TrainingCase]:
    """Pairs images with the labels of their own names, and the others by the names of their channels."""
    named = {name: (path,) for name, path in images.items() if name in labels}
    channels = group_channel_files({name: path for name, path in images.items() if name not in labels})
    for name, files in channels.items():
        if name not in labels or name in named:
            expected = f"a file named {name} in {folder}" if name not in labels else f"one image of {name}"
            raise InputError(
                mismatch(files[0], got="no label" if name not in labels else "a second image", expected=expected)
            )
    return [TrainingCase(name, files, labels[name]) for name, files in sorted((named | channels).items())]


def read_dataset(data: DataConfig) -> list[TrainingCase]:
    """Reads the training cases of a ``dataset.json`` of nnU-Net or of the Medical Segmentation Decathlon (MSD).

    That of MSD and of nnU-Net v1 lists the cases. That of nnU-Net v2 may list them; otherwise they are those of the
    folders ``imagesTr`` and ``labelsTr`` beside it. Paths in it are relative to its folder.

    Raises:
        InputError: The file cannot be read, is no such file, names files that do not exist or other labels than
            ``data``, or lists another number of cases than there are.
    """
    assert data.dataset is not None  # checked by DataConfig
    path, content = data.dataset, read_dataset_json(data.dataset)
    if "training" in content or "dataset" in content:
        cases = _listed_cases(content, path)
    else:
        cases = _cases_of_folders(content, path)
    expected = content.get("numTraining", len(cases))
    if len(cases) != expected or not cases:
        wanted = f"{expected}, as numTraining" if cases else "at least one case"
        raise InputError(mismatch(path, got=f"{len(cases)} training cases", expected=wanted))
    _check_files(cases, path)
    return cases


def _listed_cases(content: Mapping[str, Any], path: Path) -> list[TrainingCase]:
    try:
        if "training" in content:
            rows = [([item["image"]], item["label"]) for item in content["training"]]
        else:
            rows = [(item["images"], item["label"]) for item in content["dataset"].values()]
        pairs = [(tuple(path.parent / image for image in images), path.parent / label) for images, label in rows]
    except (KeyError, TypeError, AttributeError) as error:
        expected = "a list training of {image, label}, or a mapping dataset of {images, label}"
        raise InputError(mismatch(path, got=f"{type(error).__name__} {error}", expected=expected)) from None
    return [TrainingCase(image_stem(label), _with_channels(images), label) for images, label in pairs]


def _with_channels(images: tuple[Path, ...]) -> tuple[Path, ...]:
    """Returns the files of an image; nnU-Net v1 lists ``case.nii.gz`` for ``case_0000.nii.gz`` and further channels."""
    (first, *others), stem = images, image_stem(images[0])
    if others or first.exists() or not first.parent.is_dir():
        return images
    ending = first.name[len(stem) :]
    return tuple(sorted(first.parent.glob(f"{glob_escape(stem)}_[0-9][0-9][0-9][0-9]{ending}"))) or images


def _cases_of_folders(content: Mapping[str, Any], path: Path) -> list[TrainingCase]:
    ending = content.get("file_ending")
    if not isinstance(ending, str):
        expected = "the cases (training, or dataset), or the file_ending of nnU-Net v2"
        raise InputError(mismatch(path, got=f"the keys {', '.join(content)}", expected=expected))
    images, labels = (
        {name: file for name, file in images_by_name(path.parent / folder).items() if file.name.endswith(ending)}
        for folder in ("imagesTr", "labelsTr")
    )
    return _pair(images, labels, path.parent / "labelsTr")


def read_table(path: Path) -> list[TrainingCase]:
    """Reads a CSV file with a row for each case.

    Columns: ``image``, or several whose names begin with ``image``, one for each channel in this order; ``label``;
    optionally ``case``, the name (default: that of the label file); ``group``, the cases that a split does not
    separate; and ``fold``, the number of the fold. Paths are relative to the folder of the table.

    Raises:
        InputError: The file cannot be read, a column or a value is missing, a file does not exist, or two cases have
            one name.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            columns = list(rows.fieldnames or [])
            table = list(rows)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{path}: cannot be read: {reason}; expected a CSV file of cases") from None
    images = [column for column in columns if column.startswith(IMAGE)]
    if not images or LABEL not in columns:
        got = f"the columns {', '.join(columns) or '(none)'}"
        raise InputError(mismatch(path, got=got, expected="the columns image and label"))
    cases = [_case_of_row(row, images, path, line) for line, row in enumerate(table, start=2)]
    names = [case.name for case in cases]
    if repeated := {name for name in names if names.count(name) > 1}:
        expected = "one case of each name; a column case gives them names"
        raise InputError(mismatch(path, got=f"two cases {sorted(repeated)[0]}", expected=expected))
    if not cases:
        raise InputError(mismatch(path, got="no row", expected="at least one case"))
    _check_files(cases, path)
    return cases


def _case_of_row(row: Mapping[str, str | None], images: Sequence[str], path: Path, line: int) -> TrainingCase:
    for column in (*images, LABEL):
        if not row[column]:
            raise InputError(mismatch(path, got=f"no {column} in line {line}", expected="a path in each row"))
    label = path.parent / str(row[LABEL])
    files = tuple(path.parent / str(row[column]) for column in images)
    fold = row.get(FOLD) or None
    if fold is not None and not (fold.isascii() and fold.isdigit()):
        raise InputError(mismatch(path, got=f"the fold {fold!r} in line {line}", expected="a number from 0"))
    name = row.get(CASE) or image_stem(label)
    return TrainingCase(name, files, label, row.get(GROUP) or None, None if fold is None else int(fold))


def _check_files(cases: Sequence[TrainingCase], path: Path) -> None:
    for file in (file for case in cases for file in (*case.images, case.label)):
        if not is_one_image(file):
            raise InputError(mismatch(path, got=f"{file}, which does not exist", expected="existing files"))
