"""The file ``dataset.json`` of a data set: that of nnU-Net and that of the Medical Segmentation Decathlon (MSD)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segtopo.errors import InputError, mismatch

IGNORE = "ignore"
"""The name that nnU-Net gives to the label of undecided voxels."""


@dataclass(frozen=True)
class DatasetLabels:
    """The labels of a data set.

    Attributes:
        structures: For each structure by name its labels. A region of nnU-Net has several. The background is left out.
        ignored: The label of undecided voxels; None if there is none.
        painted: For each region the label that is written into its voxels, a later region wins; None if the structures
            are classes that exclude each other.
    """

    structures: dict[str, tuple[int, ...]]
    ignored: int | None = None
    painted: tuple[int, ...] | None = None


def dataset_labels(content: Mapping[str, Any]) -> DatasetLabels:
    """Reads the labels in the content of a ``dataset.json``, or in a mapping of names to labels.

    Raises:
        ValueError: The labels are something else; the message has the entry.

    Example:
        >>> dataset_labels({"labels": {"background": 0, "vessel": 1, "ignore": 2}})
        DatasetLabels(structures={'vessel': (1,)}, ignored=2, painted=None)
        >>> dataset_labels({"labels": {"0": "background", "1": "vessel"}}).structures
        {'vessel': (1,)}
        >>> dataset_labels({"labels": {"tumour": [1, 2], "core": 2}, "regions_class_order": [1, 2]}).painted
        (1, 2)
    """
    entries = content.get("labels", content)
    if not isinstance(entries, Mapping):
        raise ValueError(f"labels: {entries}")
    named = dict(_named(key, value) for key, value in entries.items())
    ignored = named.pop(IGNORE, None)
    if ignored is not None and len(ignored) > 1:
        raise ValueError(f"{IGNORE}: {list(ignored)}")
    structures = {name: labels for name, labels in named.items() if set(labels) != {0}}
    painted = content.get("regions_class_order") if any(len(labels) > 1 for labels in structures.values()) else None
    if painted is not None and (
        not isinstance(painted, list)
        or len(painted) != len(structures)
        or any(type(label) is not int for label in painted)
    ):
        raise ValueError(f"regions_class_order: {painted} for {len(structures)} regions")
    return DatasetLabels(
        structures, None if ignored is None else ignored[0], None if painted is None else tuple(painted)
    )


def _named(key: str, value: Any) -> tuple[str, tuple[int, ...]]:
    """Returns name and labels of an entry. The Decathlon has the label as the key and the name as the value."""
    if isinstance(value, str) and not value.lstrip("-").isdigit():
        return value, (int(key),)
    values = value if isinstance(value, list) else [value]
    if not values or not all(type(of) is int or isinstance(of, str) for of in values):
        raise ValueError(f"{key}: {value}")
    return key, tuple(int(of) for of in values)


def read_dataset_json(path: Path) -> dict[str, Any]:
    """Reads the content of a ``dataset.json``.

    Raises:
        InputError: The file cannot be read, or holds no mapping in JSON.
    """
    expected = "a dataset.json of nnU-Net or of the Medical Segmentation Decathlon"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; expected {expected}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(mismatch(path, got=f"no JSON ({error})", expected=expected)) from None
    if not isinstance(content, dict):
        raise InputError(mismatch(path, got=f"a {type(content).__name__}", expected=expected))
    return content
