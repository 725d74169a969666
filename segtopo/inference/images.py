"""Images as a network sees them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from segtopo.config.training_config import DataConfig
from segtopo.errors import InputError
from segtopo.volumes import Volume, read_volume

FloatArray = npt.NDArray[np.float32]


def load_image(path: Path, data: DataConfig, dimensions: int) -> tuple[FloatArray, Volume]:
    """Reads an image as the network sees it.

    Args:
        path: An image file.
        data: Which channels to take and how to normalise them.
        dimensions: The number of spatial axes expected.

    Returns:
        The normalised image (C, *spatial), float32, and the volume as it was read (for its geometry).

    Raises:
        InputError: The file cannot be read, holds infinite values, has other axes or fewer channels
            than expected.
    """
    volume = read_volume(path)
    if volume.ndim != dimensions:
        raise InputError(f"{path}: {volume.ndim} spatial axes, expected {dimensions}, as many as patch_size has")
    channels = volume.array if volume.has_channels else volume.array[None]
    if data.channels is not None:
        if max(data.channels) >= len(channels):
            raise InputError(f"{path}: {len(channels)} channels, expected those of data.channels {list(data.channels)}")
        channels = channels[list(data.channels)]
    if not np.isfinite(channels).all():
        raise InputError(f"{path}: holds infinite values; expected finite intensities")
    normalized = [data.normalization.apply(channel.astype(np.float32)) for channel in channels]
    return np.stack(normalized).astype(np.float32, copy=False), volume
