"""Finds the cases of a training, paired by name or listed in a dataset.json, and splits them into two sets."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from random import Random

from segtopo.config.training_config import DataConfig, Folders, Split
from segtopo.errors import InputError, mismatch
from segtopo.volumes import image_stem, images_by_name


@dataclass(frozen=True)
class TrainingCase:
    """An image and its label."""

    name: str
    image: Path
    label: Path


def find_cases(data: DataConfig) -> tuple[list[TrainingCase], list[TrainingCase]]:
    """Finds the cases for training and for validation; the second list may be empty.

    Raises:
        InputError: A folder is missing or empty, an image has no label, or there are too few cases to split.
    """
    if data.train is not None:
        cases = _pair(data.train)
    else:
        assert data.dataset is not None  # checked by DataConfig
        cases = read_dataset_json(data.dataset, data.classes)
    if data.validation is not None:
        return cases, _pair(data.validation)
    return split_cases(cases, data.split) if data.split is not None else (cases, [])


def _pair(folders: Folders) -> list[TrainingCase]:
    images, labels = images_by_name(folders.images), images_by_name(folders.labels)
    for name, image in images.items():
        if name not in labels:
            raise InputError(mismatch(image, got="no label", expected=f"a file named {name} in {folders.labels}"))
    return [TrainingCase(name, image, labels[name]) for name, image in images.items()]


def read_dataset_json(path: Path, classes: int) -> list[TrainingCase]:
    """Reads the training cases of a ``dataset.json`` of the Medical Segmentation Decathlon (MSD).

    Args:
        path: The JSON file; the paths in it are relative to its folder.
        classes: The number of labels expected, background included.

    Raises:
        InputError: The file is missing or no such JSON, names missing files, or has another number of labels.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        pairs = [(path.parent / item["image"], path.parent / item["label"]) for item in content["training"]]
        labels = len(content["labels"])
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; expected an MSD dataset.json") from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        expected = "an MSD dataset.json with labels and training, a list of {image, label}"
        raise InputError(mismatch(path, got=f"{type(error).__name__} {error}", expected=expected)) from None
    if labels != classes:
        raise InputError(mismatch(path, got=f"{labels} labels", expected=f"{classes}, as data.classes"))
    if not pairs:
        raise InputError(mismatch(path, got="an empty list training", expected="at least one case"))
    for file in (file for pair in pairs for file in pair):
        if not file.is_file():
            raise InputError(mismatch(path, got=f"{file}, which does not exist", expected="existing files"))
    return [TrainingCase(image_stem(image), image, label) for image, label in pairs]


def split_cases(cases: Sequence[TrainingCase], split: Split) -> tuple[list[TrainingCase], list[TrainingCase]]:
    """Splits cases into those for training and those for validation, which are ``split.fraction`` of the groups.

    Raises:
        InputError: ``split.group`` is not found in a name, or there is only one group.
    """
    groups = [_group(case.name, split.group) for case in cases]
    names = sorted(set(groups))
    if len(names) < 2:
        got = f"only one group of cases ({names[0]!r})"
        raise InputError(mismatch("data.split", got=got, expected="at least 2 to split"))
    held_out = set(Random(split.seed).sample(names, min(ceil(split.fraction * len(names)), len(names) - 1)))
    train = [case for case, group in zip(cases, groups, strict=True) if group not in held_out]
    return train, [case for case, group in zip(cases, groups, strict=True) if group in held_out]


def _group(name: str, pattern: str | None) -> str:
    if pattern is None:
        return name
    match = re.search(pattern, name)
    group = None if match is None else match.group(1) if match.re.groups else match.group()
    if group is None:
        expected = f"a regular expression that is found in the case name {name!r}"
        raise InputError(mismatch("data.split.group", got=repr(pattern), expected=expected))
    return group
