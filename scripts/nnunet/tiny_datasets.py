"""Tiny data sets in nnU-Net's format: wavy tubes in noise, with classes or regions, with or without an ignore label.

    python scripts/nnunet/tiny_datasets.py FOLDER

The folder is that of nnU-Net's variable ``nnUNet_raw``.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813

CASES = 6
#: Outer region, core, voxels that nobody has labelled.
TUBE, CORE, UNDECIDED = 1, 2, 3


@dataclass(frozen=True)
class Dataset:
    """A data set: the number and the name by which nnU-Net knows it, the shape of its images and its labels."""

    number: int
    name: str
    shape: tuple[int, ...]  # z, y, x
    regions: bool = False
    ignore: bool = False

    @property
    def folder(self) -> str:
        return f"Dataset{self.number:03}_{self.name}"

    @property
    def labels(self) -> dict[str, int | list[int]]:
        if self.regions:
            labels: dict[str, int | list[int]] = {"background": 0, "tube": [TUBE, CORE], "core": [CORE]}
        else:
            labels = {"background": 0, "tube": TUBE, "core": CORE}
        return labels | ({"ignore": UNDECIDED} if self.ignore else {})

    def write(self, raw: Path) -> None:
        folder = raw / self.folder
        rng = np.random.default_rng(self.number)
        for number in range(CASES):
            labels = self.label_map(rng)
            noise = rng.normal(scale=0.3, size=self.shape)
            image = np.where(labels == UNDECIDED, 0, labels) + noise
            for part, array in (("imagesTr", image.astype(np.float32)), ("labelsTr", labels)):
                suffix = "_0000" * (part == "imagesTr")
                write_image(folder / part / f"case_{number}{suffix}.nii.gz", array)
            if number < 2:
                write_image(folder / "imagesTs" / f"test_{number}_0000.nii.gz", image.astype(np.float32))
        content = {
            "channel_names": {"0": "noise"},
            "labels": self.labels,
            "numTraining": CASES,
            "file_ending": ".nii.gz",
        }
        if self.regions:
            content["regions_class_order"] = [TUBE, CORE]
        (folder / "dataset.json").write_text(json.dumps(content, indent=2))

    def label_map(self, rng: np.random.Generator) -> np.ndarray:
        """Two wavy tubes along the last axis, one with a core; a margin of zeros is cropped by nnU-Net."""
        *across, along = np.indices(self.shape)
        labels = np.zeros(self.shape, np.uint8)
        for place, has_core in ((0.3, True), (0.7, False)):
            phase, middle = rng.uniform(0, 6), place * self.shape[-2]
            distance = (across[-1] - middle - 2 * np.sin(along / 6 + phase)) ** 2
            if len(across) == 2:
                distance = distance + (across[0] - self.shape[0] / 2) ** 2
            labels[distance < 9] = TUBE
            if has_core:
                labels[distance < 3] = CORE
        if self.ignore:
            labels[..., : self.shape[-1] // 6] = UNDECIDED
        return labels


DATASETS = (
    Dataset(801, "Tubes3D", (36, 48, 40)),
    Dataset(802, "Tubes2D", (56, 72)),
    Dataset(803, "Regions", (36, 48, 40), regions=True),
    Dataset(804, "Ignore", (36, 48, 40), ignore=True),
    Dataset(805, "RegionsIgnore", (36, 48, 40), regions=True, ignore=True),
)


def write_image(path: Path, array: np.ndarray) -> None:
    """Writes an image with a spacing, an origin and a direction that are not the default."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((0.8, 0.9, 1.5)[: array.ndim])
    image.SetOrigin((10.0, -20.0, 30.0)[: array.ndim])
    if array.ndim == 3:
        image.SetDirection((0, 1, 0, -1, 0, 0, 0, 0, 1))
    sitk.WriteImage(image, str(path))


if __name__ == "__main__":
    for dataset in DATASETS:
        dataset.write(Path(sys.argv[1]))
