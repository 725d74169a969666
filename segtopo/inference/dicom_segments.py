"""The masks of a prediction as DICOM segmentations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from segtopo.config.output_channels import OutputChannels
from segtopo.errors import InputError, mismatch
from segtopo.volumes import Volume, write_dicom_segmentation

FOLDER = "dicom_seg"


@dataclass(frozen=True)
class DicomSegments:
    """The names of the segments, for the labels 1, 2, ..."""

    names: tuple[str, ...]

    @classmethod
    def of(cls, names: Literal[False] | Sequence[str], channels: OutputChannels) -> DicomSegments | None:
        """Checks the names, and that DICOM can be written, before any image is segmented.

        Args:
            names: The names; False: no segmentations, the result is None.
            channels: The channels of the network.

        Raises:
            InputError: There is not one name for each class, or the network has regions.
            ModuleNotFoundError: The extra ``dicom`` is not installed.
        """
        if names is False:
            return None
        if channels.has_regions:
            got = f"a network of the regions {', '.join(channels.names)}"
            raise InputError(mismatch("dicom_seg", got=got, expected="a network of classes, which share no voxel"))
        given = list(names)
        if len(given) != len(channels.names) or not all(given):
            expected = f"a name for each of {len(channels.names)} foreground classes"
            raise InputError(mismatch("dicom_seg", got=given, expected=expected))
        import_module("highdicom")
        return cls(tuple(given))

    def write(self, out: Path, name: str, image: Path, labels: npt.NDArray[Any], volume: Volume) -> str:
        """Writes the labels of an image and returns the name of the file in ``out``."""
        file = f"{FOLDER}/{name}.dcm"
        write_dicom_segmentation(out / file, labels.astype(np.uint8), image, volume, self.names)
        return file
