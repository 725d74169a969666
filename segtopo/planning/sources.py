"""Finds the cases of a data set in a folder or a file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segtopo.config.training_config import DataConfig
from segtopo.errors import InputError, mismatch
from segtopo.training.training_cases import TrainingCase, find_cases

#: Folders of images and of labels, from the most to the least specific.
FOLDERS = (
    ("imagesTr", "labelsTr"),
    ("train/images", "train/labels"),
    ("images", "labels"),
)
DATASET_JSON = "dataset.json"


@dataclass(frozen=True)
class Source:
    """A data set.

    Attributes:
        name: Its name.
        section: The keys of the section ``data`` of a config that name it.
        cases: Its training cases.
        modality: The names of the channels in a ``dataset.json``; empty for other data sets.
    """

    name: str
    section: dict[str, Any]
    cases: list[TrainingCase]
    modality: tuple[str, ...] = ()


def find_source(path: Path) -> Source:
    """Finds the cases of a data set.

    Args:
        path: A ``dataset.json``, a folder with one, or a folder with ``images`` and ``labels``, ``train/images`` and
            ``train/labels``, or ``imagesTr`` and ``labelsTr``.

    Raises:
        InputError: There is no such data set, or an image has no label.
    """
    dataset = path / DATASET_JSON if path.is_dir() else path
    if dataset.is_file():
        return _dataset(dataset)
    for images, labels in FOLDERS:
        if (path / images).is_dir() and (path / labels).is_dir():
            section = {"train": {"images": str(path / images), "labels": str(path / labels)}}
            return Source(_name(path), section, _cases(section))
    expected = f"a {DATASET_JSON}, or folders of images and labels: {', '.join(' and '.join(pair) for pair in FOLDERS)}"
    got = "none of them" if path.is_dir() else "no folder"
    raise InputError(mismatch(path, got=got, expected=expected))


def _dataset(path: Path) -> Source:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        classes = len(content["labels"])
        channels = content.get("channel_names", content.get("modality", {}))
        modality = tuple(str(channels[key]) for key in sorted(channels))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        expected = "a dataset.json with labels and training cases"
        raise InputError(mismatch(path, got=f"{type(error).__name__} {error}", expected=expected)) from None
    section = {"dataset": str(path), "classes": classes}
    return Source(_name(path.parent), section, _cases(section), modality)


def _name(folder: Path) -> str:
    return folder.resolve().name or "data"


def _cases(section: dict[str, Any]) -> list[TrainingCase]:
    data = DataConfig.model_validate_json(json.dumps({**section, "normalization": {"name": "ZScore"}}))
    return find_cases(data)[0]
