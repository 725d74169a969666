"""Images whose channels are files of their own, as nnU-Net names them: ``case_0000.nii.gz``, ``case_0001.nii.gz``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from segtopo.errors import InputError, mismatch
from segtopo.volumes.files import read_volume
from segtopo.volumes.same_geometry import check_same_geometry
from segtopo.volumes.volume import Volume

_CHANNEL = re.compile(r"(?P<case>.+)_(?P<channel>\d{4})")


def group_channel_files(images: Mapping[str, Path]) -> dict[str, tuple[Path, ...]]:
    """Groups images by case: the files ``case_0000`` and ``case_0001`` are the channels of ``case``.

    Args:
        images: Files by their names without extension. A name without the number of a channel is that of a case.

    Raises:
        InputError: The first or a middle channel of a case is missing, or a case has a file and channels.

    Example:
        >>> images = {name: Path(f"{name}.png") for name in ("a_0000", "a_0001", "b_0000", "c")}
        >>> [(case, [file.name for file in files]) for case, files in group_channel_files(images).items()]
        [('a', ['a_0000.png', 'a_0001.png']), ('b', ['b_0000.png']), ('c', ['c.png'])]
    """
    cases: dict[str, dict[int, Path]] = {}
    for name in sorted(images):
        match = _CHANNEL.fullmatch(name)
        case, channel = (match["case"], int(match["channel"])) if match else (name, 0)
        files = cases.setdefault(case, {})
        if channel in files:
            got = f"{files[channel].name} and {images[name].name}"
            raise InputError(mismatch(images[name].parent, got=got, expected=f"one image of {case}"))
        files[channel] = images[name]
    for case, files in cases.items():
        if list(files) != list(range(len(files))):
            got = f"the channels {', '.join(f'{channel:04}' for channel in files)} of {case}"
            expected = f"{', '.join(f'{channel:04}' for channel in range(len(files)))}"
            raise InputError(mismatch(next(iter(files.values())).parent, got=got, expected=expected))
    return {case: tuple(files.values()) for case, files in cases.items()}


def read_channels(files: Sequence[Path]) -> Volume:
    """Reads an image from one file, or from a file for each channel.

    Returns:
        The image, with the geometry of the first file.

    Raises:
        InputError: A file cannot be read; or one of several has more than one channel, or another geometry.
    """
    first, *others = volumes = [read_volume(file) for file in files]
    if not others:
        return first
    for file, volume in zip(files, volumes, strict=True):
        if volume.has_channels:
            got, expected = (
                f"{len(volume.array)} channels",
                f"one channel, as there are {len(files)} files of the image",
            )
            raise InputError(mismatch(file, got=got, expected=expected))
        check_same_geometry(volume, first, str(file), str(files[0]))
    return replace(first, array=np.stack([volume.array for volume in volumes]), has_channels=True)
