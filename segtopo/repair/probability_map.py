"""The probability maps of a case with their geometry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from segtopo.volumes import Volume


@dataclass(frozen=True, eq=False)
class ProbabilityMap:
    """The probability maps of a case.

    Attributes:
        foreground: ``(classes, *spatial)`` probabilities of the foreground classes, of a floating dtype; or booleans.
        volume: An image of the same geometry; it may have channels.
        mask_extension: The format of a mask of this case.
        remarks: Sentences about assumptions.
    """

    foreground: npt.NDArray[Any]
    volume: Volume
    mask_extension: str
    remarks: tuple[str, ...] = ()
