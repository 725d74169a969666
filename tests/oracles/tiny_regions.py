"""Tiny images of a disc with a core, labelled as regions that overlap, with a border that nobody has decided."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from oracles.tiny_training import AFFINE, tiny_config, write_config
from segtopo.config import TrainingConfig, load_config
from segtopo.volumes import Volume, write_volume

#: The labels of the disc without its core, of the core, and of undecided voxels.
RIM, CORE, UNDECIDED = 1, 4, 9
REGIONS = {"whole disc": [RIM, CORE], "core": [CORE]}


def disc_labels(shape: tuple[int, int], shift: int) -> np.ndarray:
    """A disc with a core; the last two columns are undecided."""
    rows, columns = np.indices(shape)
    distance = np.hypot(rows - shape[0] / 2 + 1.5, columns - shape[1] / 2 + shift)
    labels = np.zeros(shape, np.uint8)
    labels[distance < 7] = RIM
    labels[distance < 3.5] = CORE
    labels[:, -2:] = UNDECIDED
    return labels


def make_region_cases(
    folder: Path, count: int = 4, shape: tuple[int, int] = (24, 21), extension: str = ".nii.gz"
) -> Path:
    """Writes ``imagesTr`` and ``labelsTr`` as nnU-Net names them, and ``dataset.json`` with the regions."""
    generator = np.random.default_rng(0)
    for number in range(count):
        labels = disc_labels(shape, number)
        intensities = np.select([labels == RIM, labels == CORE], [120, 220], 40)
        image = (intensities + generator.normal(0, 12, shape)).clip(0, 255).astype(np.uint8)
        like = Volume(labels, AFFINE) if extension == ".nii.gz" else None
        write_volume(folder / "imagesTr" / f"case_{number}_0000{extension}", image, like)
        write_volume(folder / "labelsTr" / f"case_{number}{extension}", labels, like)
    labels = {"background": 0, **REGIONS, "ignore": UNDECIDED}
    content = {"labels": labels, "regions_class_order": [RIM, CORE], "file_ending": extension, "numTraining": count}
    (folder / "dataset.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def region_config(data: Path, out: Path) -> dict[str, Any]:
    """A config as plain data, for the ``dataset.json`` in ``data``."""
    config = tiny_config(data, out)
    config["data"] = {
        "dataset": str(data / "dataset.json"),
        "split": {"fraction": 0.25},
        "normalization": {"name": "ZScore"},
    }
    return config | {"loss": {"name": "DiceCELoss"}}


def load_region_config(folder: Path, *overrides: str, **data: Any) -> TrainingConfig:
    """Reads a config for the data set in ``folder``, with other keys of ``data`` and with overrides."""
    config = region_config(folder, folder / "out")
    config["data"] |= data
    return load_config(write_config(folder / "config.yaml", config), overrides)
