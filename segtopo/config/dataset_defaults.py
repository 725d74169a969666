"""The values of a config that follow from the ``dataset.json`` which it names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from segtopo.atomic_output import atomic_output
from segtopo.config.data import DataConfig
from segtopo.errors import InputError, mismatch
from segtopo.volumes.dataset_json import IGNORE, DatasetLabels, dataset_labels, read_dataset_json


def add_dataset_defaults(config: dict[str, Any]) -> None:
    """Adds the classes and their names or the regions, and the label to ignore, to the section ``data`` of a config.

    Keys that the config has are kept.

    So the config of a checkpoint is complete without the ``dataset.json``.

    Args:
        config: The config as plain data, not checked yet.

    Raises:
        InputError: The file cannot be read, or its labels are other ones than those of the config.
    """
    data = config.get("data")
    if not isinstance(data, dict) or not isinstance(data.get("dataset"), str):
        return
    path = Path(data["dataset"])
    found = labels_of_dataset(path)
    if found.ignored is not None:
        data.setdefault("ignore_label", found.ignored)
    if data.get("regions") is not None:
        return
    if data.get("label") is None:
        if (regions := regions_of(found)) is not None:
            data["regions"] = regions
            if found.painted is not None:
                data.setdefault("painted", list(found.painted))
            return
        classes = _number_of_classes(found, path)
        if data.setdefault("classes", classes) != classes:
            got = f"{classes} labels with the background"
            raise InputError(mismatch(path, got=got, expected=f"{data['classes']!r}, as data.classes"))
    if names := _class_names(found, data):
        data.setdefault("class_names", names)


def _class_names(found: DatasetLabels, data: dict[str, Any]) -> list[str]:
    """Returns the names of the classes in the order of their labels; none if the data set does not name them all."""
    named = [(labels, name) for name, labels in sorted(found.structures.items(), key=lambda item: item[1])]
    if data.get("label") is not None:
        named = [(labels, name) for labels, name in named if labels == (data["label"],)]
    return [name for _, name in named] if all(len(labels) == 1 for labels, _ in named) else []


def write_regions_json(path: Path, data: DataConfig) -> None:
    """Writes the labels of the regions of a training to a ``dataset.json`` of nnU-Net."""
    labels: dict[str, Any] = {"background": 0, **{name: list(of) for name, of in (data.regions or {}).items()}}
    if data.ignore_label is not None:
        labels[IGNORE] = data.ignore_label
    content = {"labels": labels, "regions_class_order": list(data.painted or ())}
    with atomic_output(path) as part:
        part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def labels_of_dataset(path: Path) -> DatasetLabels:
    """Reads the labels of a ``dataset.json``.

    Raises:
        InputError: The file cannot be read or has no labels.
    """
    content = read_dataset_json(path)
    try:
        return dataset_labels({"labels": None, **content})
    except ValueError as error:
        expected = "labels as those of nnU-Net ({background: 0, vessel: 1}) or of the Medical Segmentation Decathlon"
        raise InputError(mismatch(path, got=str(error), expected=expected)) from None


def regions_of(found: DatasetLabels) -> dict[str, list[int]] | None:
    """Returns the regions of a data set by name; None if its structures are classes that exclude each other."""
    if all(len(labels) == 1 for labels in found.structures.values()):
        return None
    return {name: list(labels) for name, labels in found.structures.items()}


def _number_of_classes(found: DatasetLabels, path: Path) -> int:
    labels = sorted(label for structure in found.structures.values() for label in structure)
    if labels != list(range(1, len(labels) + 1)) or not labels:
        got = f"the labels {', '.join(map(str, labels)) or '(none)'}"
        raise InputError(mismatch(path, got=got, expected="labels 1, 2, ... beside the background, each once"))
    return len(labels) + 1
