"""Reads images and normalises them for a network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from segtopo.config.training_config import DataConfig
from segtopo.errors import InputError, mismatch
from segtopo.volumes import Volume, read_volume

FloatArray = npt.NDArray[np.float32]


def load_image(path: Path, data: DataConfig, dimensions: int) -> tuple[FloatArray, Volume]:
    """Reads an image and normalises its channels.

    Args:
        path: An image file.
        data: The channels to use and their normalisation.
        dimensions: The number of spatial axes expected.

    Returns:
        The normalised image (C, *spatial), float32, and the volume as it was read, with its geometry.

    Raises:
        InputError: The file cannot be read, has infinite values, another number of axes or too few channels.
    """
    volume = read_volume(path)
    if volume.ndim != dimensions:
        raise InputError(mismatch(path, got=f"{volume.ndim} spatial axes", expected=f"{dimensions}, as patch_size has"))
    channels = volume.array if volume.has_channels else volume.array[None]
    if data.channels is not None:
        if max(data.channels) >= len(channels):
            expected = f"those of data.channels {list(data.channels)}"
            raise InputError(mismatch(path, got=f"{len(channels)} channels", expected=expected))
        channels = channels[list(data.channels)]
    if not np.isfinite(channels).all():
        raise InputError(mismatch(path, got="infinite values", expected="finite intensities"))
    normalized = [data.normalization.apply(channel.astype(np.float32)) for channel in channels]
    return np.stack(normalized).astype(np.float32, copy=False), volume
