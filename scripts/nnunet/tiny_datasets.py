"""Tiny data sets in nnU-Net's format: wavy tubes in noise, with classes or regions, with or without an ignore label.

python scripts/nnunet/run.py FOLDER
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813

CASES = 5  # one for the validation of each fold
TESTS = 2
#: Outer region, core, voxels that nobody has labelled.
TUBE, CORE, UNDECIDED = 1, 2, 3
MARGIN = 2  # zeros, which nnU-Net crops
#: nnU-Net turns the axis of the largest spacing to the front: in 3D the first and the last axis are exchanged.
SPACING, ORIGIN, DIRECTION = (1.5, 0.9, 0.8), (10.0, -20.0, 30.0), (0, 1, 0, -1, 0, 0, 0, 0, 1)


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
    def configuration(self) -> str:
        return f"{len(self.shape)}d" + "_fullres" * (len(self.shape) == 3)

    @property
    def labels(self) -> dict[str, int | list[int]]:
        if self.regions:
            labels: dict[str, int | list[int]] = {"background": 0, "tube": [TUBE, CORE], "core": [CORE]}
        else:
            labels = {"background": 0, "tube": TUBE, "core": CORE}
        return labels | ({"ignore": UNDECIDED} if self.ignore else {})

    def write(self, raw: Path) -> None:
        """Writes images, labels, test images and ``dataset.json`` into a folder of ``raw``."""
        folder = raw / self.folder
        rng = np.random.default_rng(self.number)
        for number in range(CASES + TESTS):
            labels = self.label_map(rng)
            image = np.where(labels == UNDECIDED, 0, labels) + rng.normal(3, 0.3, self.shape)
            for axis in range(image.ndim):
                np.moveaxis(image, axis, 0)[[*range(MARGIN), *range(-MARGIN, 0)]] = 0
            if number < CASES:
                write_image(folder / f"labelsTr/case_{number}.nii.gz", labels)
            part = "imagesTr" if number < CASES else "imagesTs"
            write_image(folder / part / f"case_{number}_0000.nii.gz", image.astype(np.float32))
        content = {
            "channel_names": {"0": "noise"},
            "labels": self.labels,
            "numTraining": CASES,
            "file_ending": ".nii.gz",
        }
        order = {"regions_class_order": [TUBE, CORE]} if self.regions else {}
        (folder / "dataset.json").write_text(json.dumps(content | order, indent=2), encoding="utf-8")

    def label_map(self, rng: np.random.Generator) -> np.ndarray:
        """Two wavy tubes along the last axis, one with a core."""
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
    Dataset(801, "Tubes3D", (28, 44, 36)),
    Dataset(802, "Tubes2D", (56, 72)),
    Dataset(803, "Regions", (28, 44, 36), regions=True),
    Dataset(804, "Ignore", (28, 44, 36), ignore=True),
    Dataset(805, "RegionsIgnore", (28, 44, 36), regions=True, ignore=True),
)


def write_image(path: Path, array: np.ndarray) -> None:
    """Writes an image with a spacing, an origin and a direction that are not the default."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(SPACING[: array.ndim])
    image.SetOrigin(ORIGIN[: array.ndim])
    if array.ndim == 3:
        image.SetDirection(DIRECTION)
    sitk.WriteImage(image, str(path))
