"""Finds the cases of a data set in a folder or a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segtopo.config.data import DataConfig, Folders
from segtopo.config.dataset_defaults import labels_of_dataset, regions_of
from segtopo.config.preprocessing import ZScore
from segtopo.errors import InputError, mismatch
from segtopo.training.case_sources import TrainingCase, cases_of_source
from segtopo.volumes.dataset_json import read_dataset_json

#: Folders of images and of labels, from the most to the least specific.
FOLDERS = (("imagesTr", "labelsTr"), ("train/images", "train/labels"), ("images", "labels"))
DATASET_JSON, TABLE = "dataset.json", ".csv"


@dataclass(frozen=True)
class Source:
    """A data set.

    Attributes:
        name: Its name.
        section: The keys of the section ``data`` of a config that name it.
        cases: Its training cases.
        modalities: The names of the channels in a ``dataset.json``; empty for other data sets.
        ignored: The label of undecided voxels in a ``dataset.json``; None if there is none.
        regions: The labels of the regions in a ``dataset.json``; None if the structures are classes.
    """

    name: str
    section: dict[str, Any]
    cases: list[TrainingCase]
    modalities: tuple[str, ...] = ()
    ignored: int | None = None
    regions: dict[str, list[int]] | None = None

    @property
    def states_classes(self) -> bool:
        """Whether the data set itself says the number of classes."""
        return "dataset" in self.section


def find_source(path: Path) -> Source:
    """Finds the cases of a data set.

    Args:
        path: A ``dataset.json``, a folder with one, a CSV file of cases, or a folder with images and labels, see
            ``FOLDERS``.

    Raises:
        InputError: There is no such data set, or an image has no label.
    """
    if path.suffix.lower() == TABLE:
        return Source(path.stem, {"table": str(path)}, _cases(table=path))
    dataset = path / DATASET_JSON if path.is_dir() else path
    if dataset.is_file():
        return _dataset(dataset)
    for images, labels in FOLDERS:
        if (path / images).is_dir() and (path / labels).is_dir():
            section = {"train": {"images": str(path / images), "labels": str(path / labels)}}
            folders = Folders(images=path / images, labels=path / labels)
            return Source(_name(path), section, _cases(train=folders))
    pairs = ", ".join(" and ".join(pair) for pair in FOLDERS)
    expected = f"a {DATASET_JSON}, a CSV file of cases, or a folder with images and labels ({pairs})"
    raise InputError(mismatch(path, got="none of them", expected=expected))


def _dataset(path: Path) -> Source:
    labels, content = labels_of_dataset(path), read_dataset_json(path)
    channels = content.get("channel_names", content.get("modality"))
    modalities = tuple(str(channels[key]) for key in sorted(channels)) if isinstance(channels, Mapping) else ()
    section = {"dataset": str(path)}
    return Source(_name(path.parent), section, _cases(dataset=path), modalities, labels.ignored, regions_of(labels))


def _cases(**source: Any) -> list[TrainingCase]:
    return cases_of_source(DataConfig(normalization=ZScore(name="ZScore"), **source))


def _name(folder: Path) -> str:
    return folder.resolve().name or "data"
