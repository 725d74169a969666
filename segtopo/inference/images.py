"""Reads images and prepares them for a network: axes in one order, resampled, normalised."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from segtopo.config.training_config import DataConfig
from segtopo.errors import InputError, mismatch
from segtopo.inference.grids import TrainingGrid
from segtopo.inference.resampling import FloatArray
from segtopo.volumes import Volume, read_volume


def load_image(path: Path, data: DataConfig, dimensions: int) -> tuple[FloatArray, Volume, TrainingGrid]:
    """Reads an image, brings it to the grid of the network and normalises its channels.

    Args:
        path: An image file.
        data: The channels to use, the spacing, and the normalisation.
        dimensions: The number of spatial axes expected.

    Returns:
        The normalised image (C, *spatial) on the grid of the network, float32; the volume as it was read, with its
        geometry; and the grid.

    Raises:
        InputError: The file cannot be read, has infinite values, another number of axes or too few channels.
    """
    volume = read_volume(path)
    assert data.spacing != "auto"  # the training has replaced it by numbers
    grid = TrainingGrid.of(volume, data.spacing, dimensions, str(path))
    channels = volume.array if volume.has_channels else volume.array[None]
    if data.channels is not None:
        if max(data.channels) >= len(channels):
            expected = f"those of data.channels {list(data.channels)}"
            raise InputError(mismatch(path, got=f"{len(channels)} channels", expected=expected))
        channels = channels[list(data.channels)]
    if not np.isfinite(channels).all():
        raise InputError(mismatch(path, got="infinite values", expected="finite intensities"))
    normalized = [data.normalization.apply(channel) for channel in grid.image_to_grid(channels)]
    return np.stack(normalized).astype(np.float32, copy=False), volume, grid
