"""The labels and the orientation of nnU-Net's probabilities, from the files ``dataset.json`` and ``plans.json``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segtopo.repair.probability_map import ChannelLabels

REORIENTING_READER = "NibabelIOWithReorient"


@dataclass(frozen=True)
class NnunetDataset:
    """A dataset of nnU-Net.

    Attributes:
        labels: The labels of the network's foreground channels. None: no ``dataset.json`` that states them was found.
        is_reoriented: Whether nnU-Net turns images to the axes of RAS before it sees them.
    """

    labels: ChannelLabels | None
    is_reoriented: bool


def dataset_of(path: Path) -> NnunetDataset:
    """Reads the files that belong to a file of probabilities.

    nnU-Net writes them into the folder of predictions. For the validation cases of a fold they are in the folder of
    the trained model.

    Example:
        >>> import tempfile
        >>> model = Path(tempfile.mkdtemp())
        >>> _ = (model / "dataset.json").write_text(
        ...     '{"labels": {"background": 0, "tumour": [1, 2], "core": 2, "ignore": 3}, "regions_class_order": [1, 2]}'
        ... )
        >>> dataset_of(model / "fold_0/validation/case.npz").labels
        ChannelLabels(of_channels=((1, 2), (2,)), painted=(1, 2), ignored=3)
    """
    folder = path.parent.parent.parent if path.parent.name == "validation" else path.parent
    reader = _content(folder / "plans.json").get("image_reader_writer")
    return NnunetDataset(_labels(_content(folder / "dataset.json")), reader == REORIENTING_READER)


def _content(path: Path) -> dict[str, Any]:
    """Returns the mapping in a file, an empty one if there is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _labels(dataset: dict[str, Any]) -> ChannelLabels | None:
    named = dataset.get("labels")
    if not isinstance(named, dict) or not all(map(_is_label, named.values())):
        return None
    ignored = named.get("ignore")
    lists = [value if isinstance(value, list) else [value] for name, value in named.items() if name != "ignore"]
    foreground = tuple(tuple(values) for values in lists if set(values) != {0})
    if all(len(values) == 1 for values in foreground):
        return ChannelLabels(tuple(sorted(foreground)), ignored=ignored)
    painted = dataset.get("regions_class_order")
    if not isinstance(painted, list) or len(painted) != len(foreground):
        return None
    return ChannelLabels(foreground, tuple(painted), ignored)


def _is_label(value: object) -> bool:
    values = value if isinstance(value, list) else [value]
    return bool(values) and all(type(item) is int for item in values)
