"""Reads a case: the image as the network sees it, and the labels of its voxels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segtopo.config import TrainingConfig
from segtopo.inference.grids import TrainingGrid
from segtopo.inference.images import load_image
from segtopo.inference.resampling import FloatArray, LabelArray
from segtopo.training.case_sources import TrainingCase
from segtopo.training.labels import load_label
from segtopo.volumes import check_same_geometry


@dataclass(frozen=True)
class LoadedCase:
    """A case in memory.

    Attributes:
        name: The name of the case.
        image: The image (C, *spatial) on the grid of the network.
        label: The label map (1, *spatial) on that grid.
        reference: The label map (1, *image_shape) as it was drawn, to score predictions.
        spacing: The spacing of ``reference`` in mm.
        grid: The grid of the network and the way back to that of ``reference``.
    """

    name: str
    image: FloatArray
    label: LabelArray
    reference: LabelArray
    spacing: tuple[float, ...]
    grid: TrainingGrid


def load_case(case: TrainingCase, config: TrainingConfig) -> LoadedCase:
    """Reads the image and the label of a case and checks that their geometry is the same.

    Raises:
        InputError: A file cannot be used, or image and label differ in shape or position.
    """
    image, volume, grid = load_image(case.images, config.data, config.dimensions)
    drawn = load_label(case.label, config.data)
    check_same_geometry(volume, drawn, str(case.images[0]), str(case.label))
    reference = np.ascontiguousarray(drawn.array)
    label = grid.labels_to_grid(reference, config.data.output_channels.of_channels)
    return LoadedCase(case.name, image, label[None], reference[None], volume.spacing, grid)
