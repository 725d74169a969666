"""The structures of label maps: their names, and the labels of which each consists."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from segtopo.errors import InputError, mismatch
from segtopo.volumes.dataset_json import dataset_labels
from segtopo.volumes.mask_files import FOREGROUND

Label: TypeAlias = int | str
"""The value of a structure in a label map, or the name of a segment in a ``.seg.nrrd`` file or DICOM segmentation."""

Labels: TypeAlias = Sequence[Label] | Mapping[str, Label | Sequence[Label]]
"""Labels that are structures of their own, or structures by name, each a label or the union of several."""


@dataclass(frozen=True)
class Structure:
    """A structure that is scored as one mask.

    Attributes:
        name: Its name in reports.
        labels: The labels of which it consists; None for the foreground of a binary mask.
    """

    name: str
    labels: tuple[Label, ...] | None = None

    def __str__(self) -> str:
        """Returns name and labels as on the command line."""
        union = "+".join(map(str, self.labels or ()))
        return self.name if union in ("", self.name) else f"{self.name}={union}"

    def __post_init__(self) -> None:
        for label in self.labels or ():
            if not isinstance(label, int | str) or isinstance(label, bool) or label in (0, ""):
                expected = "whole numbers except 0, the background, or names of segments"
                raise InputError(mismatch("labels", got=repr(label), expected=expected))
        if self.labels is not None and (not self.labels or len(set(self.labels)) < len(self.labels)):
            got = f"{list(self.labels)} for {self.name}"
            raise InputError(mismatch("labels", got=got, expected="at least one label, each once"))


def structures_of(labels: Labels | None) -> tuple[Structure, ...]:
    """Converts the labels of an evaluation to its structures.

    Args:
        labels: See :data:`Labels`; None for binary masks.

    Raises:
        InputError: There is no structure, two have one name, or a label is 0 or no label.

    Example:
        >>> structures_of({"artery": 1, "tree": [1, 2]})
        (Structure(name='artery', labels=(1,)), Structure(name='tree', labels=(1, 2)))
        >>> structures_of([3])
        (Structure(name='3', labels=(3,)),)
    """
    if labels is None:
        return (Structure(FOREGROUND),)
    if isinstance(labels, Mapping):
        pairs = [(str(name), (of,) if isinstance(of, int | str) else tuple(of)) for name, of in labels.items()]
    else:
        pairs = [(str(label), (label,)) for label in labels]
    structures = tuple(Structure(name, of) for name, of in pairs)
    if not structures or len({structure.name for structure in structures}) < len(structures):
        raise InputError(mismatch("labels", got=labels, expected="at least one structure, each with its own name"))
    return structures


def parse_labels(text: str) -> tuple[Labels, int | None]:
    """Reads labels from the command line: numbers, names, unions, or a JSON file.

    Args:
        text: Structures separated by commas. Each is a label, a union of labels (``1+2``), or either with a name
            (``tree=1+2``). Or the path of a JSON file: names with their labels, or a ``dataset.json`` of nnU-Net or of
            the Medical Segmentation Decathlon with such an entry ``labels``. Its background is left out.

    Returns:
        The structures, and the label of undecided voxels, which a JSON file calls ``ignore``; None if there is none.

    Raises:
        InputError: The text is something else, or the file is not such a file.

    Example:
        >>> parse_labels("vein=1,tree=1+2,3")
        ({'vein': [1], 'tree': [1, 2], '3': [3]}, None)
    """
    if text.lower().endswith(".json"):
        return _read_labels(Path(text))
    labels: dict[str, list[Label]] = {}
    for part in text.split(","):
        name, _, union = part.rpartition("=")
        of = [_as_label(label.strip()) for label in union.split("+")]
        name = name.strip() or union.strip()
        if name in labels or "" in of:
            expected = "labels separated by commas, for instance 1,2 or vein=1,tree=1+2"
            raise InputError(mismatch("labels", got=repr(text), expected=expected))
        labels[name] = of
    return labels, None


def _as_label(text: str) -> Label:
    return int(text) if text.lstrip("-").isdigit() else text


def _read_labels(path: Path) -> tuple[Labels, int | None]:
    """Reads the labels of a JSON file."""
    try:
        found = dataset_labels(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, AttributeError) as error:
        expected = "a JSON file with the labels of each structure"
        raise InputError(mismatch(path, got=str(error), expected=expected)) from None
    return {name: list(labels) for name, labels in found.structures.items()}, found.ignored
