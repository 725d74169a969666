"""Which cases there are: images and labels paired by name, or listed in a dataset.json, split into two sets."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from random import Random

from segtopo.config.training_config import DataConfig, Folders, Split
from segtopo.errors import InputError
from segtopo.volumes import image_stem, images_by_name


@dataclass(frozen=True)
class Case:
    """One image and its label."""

    name: str
    image: Path
    label: Path


def find_cases(data: DataConfig) -> tuple[list[Case], list[Case]]:
    """The cases to train and to validate on; the second list may be empty.

    Raises:
        InputError: A folder is missing or empty, an image has no label, or too few cases to split.
    """
    if data.train is not None:
        cases = _pair(data.train)
    else:
        assert data.dataset is not None  # the schema sees to it
        cases = read_dataset_json(data.dataset, data.classes)
    if data.validation is not None:
        return cases, _pair(data.validation)
    return split_cases(cases, data.split) if data.split is not None else (cases, [])


def _pair(folders: Folders) -> list[Case]:
    images, labels = images_by_name(folders.images), images_by_name(folders.labels)
    for name, image in images.items():
        if name not in labels:
            raise InputError(f"{image}: no label; expected a file named {name} in {folders.labels}")
    return [Case(name, image, labels[name]) for name, image in images.items()]


def read_dataset_json(path: Path, classes: int) -> list[Case]:
    """The training cases of a ``dataset.json`` of the Medical Segmentation Decathlon, whose paths are relative to it.

    Raises:
        InputError: The file is missing, is no such JSON, names missing files, or has another number of labels.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        pairs = [(path.parent / item["image"], path.parent / item["label"]) for item in content["training"]]
        labels = len(content["labels"])
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; expected an MSD dataset.json") from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: {type(error).__name__} {error}; expected an MSD dataset.json with labels and training, "
            "a list of {image, label}"
        ) from None
    if labels != classes:
        raise InputError(f"{path}: lists {labels} labels, but data.classes is {classes}; expected the same number")
    if not pairs:
        raise InputError(f"{path}: training is empty, expected at least one case")
    for file in (file for pair in pairs for file in pair):
        if not file.is_file():
            raise InputError(f"{path}: lists {file}, which does not exist")
    return [Case(image_stem(image), image, label) for image, label in pairs]


def split_cases(cases: Sequence[Case], split: Split) -> tuple[list[Case], list[Case]]:
    """Sets ``split.fraction`` of the groups (at least one) aside.

    Raises:
        InputError: ``split.group`` is no regular expression or is not found in a name, or there is only one group.
    """
    groups = [_group(case.name, split.group) for case in cases]
    names = sorted(set(groups))
    if len(names) < 2:
        raise InputError(f"data.split: only one group of cases ({names[0]!r}), expected at least 2 to split")
    held_out = set(Random(split.seed).sample(names, min(ceil(split.fraction * len(names)), len(names) - 1)))
    train = [case for case, group in zip(cases, groups, strict=True) if group not in held_out]
    return train, [case for case, group in zip(cases, groups, strict=True) if group in held_out]


def _group(name: str, pattern: str | None) -> str:
    if pattern is None:
        return name
    try:
        match = re.search(pattern, name)
    except re.error as error:
        raise InputError(f"data.split.group: {pattern!r} is no regular expression: {error}") from None
    if match is None:
        raise InputError(f"data.split.group: {pattern!r} is not found in the case name {name!r}")
    return match.group(1) if match.re.groups else match.group()
