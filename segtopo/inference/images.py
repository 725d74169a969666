"""Reads images and prepares them for a network, the same in training and in prediction."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from segtopo.config.data import DataConfig
from segtopo.errors import InputError, mismatch
from segtopo.inference.grids import TrainingGrid
from segtopo.inference.resampling import FloatArray
from segtopo.volumes import (
    Volume,
    group_channel_files,
    image_stem,
    images_by_name,
    read_channels,
    read_volume,
)
from segtopo.volumes.volume import Array

ImageFiles = tuple[Path, ...]


def find_images(path: Path, data: DataConfig, in_channels: int) -> Mapping[str, ImageFiles]:
    """Maps the name of each image to predict to its files.

    The names of nnU-Net, ``case_0000.nii.gz`` and ``case_0001.nii.gz``, are one image of the name ``case``, if there
    are as many files for each image as the network needs.

    Args:
        path: An image, or a folder of images.
        data: The channels that the network takes.
        in_channels: The number of channels of the network.

    Raises:
        InputError: The folder holds no image, or two of one name.
    """
    images = images_by_name(path) if path.is_dir() else {image_stem(path): path}
    files: dict[str, ImageFiles] = {name: (file,) for name, file in images.items()}
    try:
        grouped = group_channel_files(images)
    except InputError:
        return files
    needed = {in_channels} if data.channels is None else range(max(data.channels) + 1, len(images) + 1)
    counts = {len(channels) for channels in grouped.values()}
    if len(counts) > 1 or not counts <= set(needed):
        return files
    # Frames that are numbered in the same way are pictures with several channels each.
    is_frame = counts != {1} and read_volume(next(iter(images.values()))).has_channels
    return files if is_frame else grouped


def load_image(files: ImageFiles, data: DataConfig, dimensions: int) -> tuple[FloatArray, Volume, TrainingGrid]:
    """Reads an image, brings it to the grid of the network and normalises its channels.

    Args:
        files: The file of the image, or a file for each channel.
        data: The channels to use, the spacing, and the normalisation.
        dimensions: The number of spatial axes expected.

    Returns:
        The normalised image (C, *spatial) on the grid of the network, float32; the volume as it was read, with its
        geometry; and the grid.

    Raises:
        InputError: A file cannot be read, or the image has infinite values, another number of axes or too few channels.
    """
    volume = read_channels(files)
    assert data.spacing != "auto"  # the training has replaced it by numbers
    grid = TrainingGrid.of(volume, data.spacing, dimensions, str(files[0]))
    channels = grid.image_to_grid(_channels(volume, files[0], data))
    normalized = [data.normalization.apply(channel) for channel in channels]
    return np.stack(normalized).astype(np.float32, copy=False), volume, grid


def _channels(volume: Volume, path: Path, data: DataConfig) -> Array:
    """Returns the channels of an image that the network takes (C, *image_shape), as they were read."""
    channels = volume.array if volume.has_channels else volume.array[None]
    if data.channels is not None:
        if max(data.channels) >= len(channels):
            expected = f"those of data.channels {list(data.channels)}"
            raise InputError(mismatch(path, got=f"{len(channels)} channels", expected=expected))
        channels = channels[list(data.channels)]
    if not np.isfinite(channels).all():
        raise InputError(mismatch(path, got="infinite values", expected="finite intensities"))
    return channels
