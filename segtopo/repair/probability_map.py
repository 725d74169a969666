"""The probability maps of a case with their geometry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from segtopo.volumes import Volume

REGION = 0.5  # a region holds the voxels above it


@dataclass(frozen=True)
class ChannelLabels:
    """The labels by which a label map holds the structures of the channels.

    Attributes:
        of_channels: For each channel the labels of its voxels. Regions that overlap share labels.
        painted: For each region the label that is written into its voxels; a later region wins. None: the channels are
            classes that exclude each other.
        ignored: The label of voxels that nobody has decided. None: there is none.
    """

    of_channels: tuple[tuple[int, ...], ...]
    painted: tuple[int, ...] | None = None
    ignored: int | None = None


@dataclass(frozen=True, eq=False)
class ProbabilityMap:
    """The probability maps of a case.

    Attributes:
        foreground: ``(classes, *spatial)`` probabilities of the foreground classes, of a floating dtype; or booleans.
        volume: An image of the same geometry; it may have channels.
        mask_extension: The format of a mask of this case.
        remarks: Sentences about assumptions.
        labels: The labels of the channels, if the program that wrote the map states them.
    """

    foreground: npt.NDArray[Any]
    volume: Volume
    mask_extension: str
    remarks: tuple[str, ...] = ()
    labels: ChannelLabels | None = None
