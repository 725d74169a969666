"""The labels and the orientation of nnU-Net's probabilities, from the files ``dataset.json`` and ``plans.json``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segtopo.repair.probability_map import ChannelLabels
from segtopo.volumes.dataset_json import dataset_labels

DATASET_JSON = "dataset.json"
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

    def regions(self, channels: int) -> ChannelLabels | None:
        """Returns the labels if they are those of this number of regions that may overlap, else None."""
        labels = self.labels
        has_regions = labels is not None and labels.painted is not None and len(labels.of_channels) == channels
        return labels if has_regions else None


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
    return NnunetDataset(_labels(_content(folder / DATASET_JSON)), reader == REORIENTING_READER)


def _content(path: Path) -> dict[str, Any]:
    """Returns the mapping in a file, an empty one if there is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _labels(dataset: dict[str, Any]) -> ChannelLabels | None:
    try:
        found = dataset_labels({"labels": None, **dataset})
    except ValueError:
        return None
    channels = tuple(found.structures.values())
    if all(len(labels) == 1 for labels in channels):
        return ChannelLabels(tuple(sorted(channels)), ignored=found.ignored)
    return None if found.painted is None else ChannelLabels(channels, found.painted, found.ignored)
