"""Reads a case: the image as the network sees it, and the classes of its voxels."""

from __future__ import annotations

from dataclasses import dataclass

from segtopo.config import TrainingConfig
from segtopo.inference.images import FloatArray, load_image
from segtopo.training.case_sources import TrainingCase
from segtopo.training.labels import LabelArray, load_label
from segtopo.volumes import check_same_geometry


@dataclass(frozen=True)
class LoadedCase:
    """A case in memory: image (C, *spatial), label (1, *spatial), spacing in mm."""

    name: str
    image: FloatArray
    label: LabelArray
    spacing: tuple[float, ...]


def load_case(case: TrainingCase, config: TrainingConfig) -> LoadedCase:
    """Reads the image and the label of a case and checks that their geometry is the same.

    Raises:
        InputError: A file cannot be used, or image and label differ in shape or position.
    """
    image, volume = load_image(case.images, config.data, config.dimensions)
    label = load_label(case.label, config.data)
    check_same_geometry(volume, label, str(case.images[0]), str(case.label))
    return LoadedCase(case.name, image, label.array[None], volume.spacing)
