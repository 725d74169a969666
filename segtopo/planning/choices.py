"""The parts of a plan that follow from intensities and sizes: normalisation, transforms, length of the training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, prod
from typing import Any

import numpy as np

from segtopo.inference.resampling import thick_axis
from segtopo.planning.architecture import Architecture
from segtopo.planning.fingerprint import Fingerprint

#: Air in Hounsfield units is -1000, soft tissue is above 0.
AIR, TISSUE = -500.0, 100.0
WINDOW = (0.5, 99.5)
GREEN = 1
#: The short side of a photograph in units of the sigma of its local contrast.
SIGMAS_PER_SIDE = 50
#: Structures with a smaller share of the voxels are sparse: vessels, small lesions.
SPARSE = 0.05
ITERATIONS_PER_EPOCH = (20, 250)
#: A network of at least this width takes the smaller learning rate.
WIDE = 32
EPOCHS_OF_GPU, EPOCHS_OF_CPU = 100, 40


@dataclass(frozen=True)
class Choice:
    """A value of a config and its reason."""

    value: Any
    reason: str


def choose_normalization(data: Fingerprint, modalities: Sequence[str]) -> tuple[Choice, Choice | None]:
    """Returns the normalisation and, for photographs, the channels."""
    if all(case.is_colour and case.channels >= 3 for case in data.cases):
        side = float(np.median([min(case.grid.shape) for case in data.cases]))
        sigma = max(2.0, round(side / SIGMAS_PER_SIDE, 0))
        contrast = {"name": "LocalContrast", "sigma": sigma}
        green = "photographs: green, which shows vessels best; without this line all colours are used"
        return Choice(contrast, "local contrast, against uneven light"), Choice([GREEN], green)
    if _is_ct(data, modalities) and (window := data.percentiles(WINDOW)):
        low, high = (round(value, 1) for value in window)
        reason = f"CT: the {WINDOW[0]}th and {WINDOW[1]}th percentile in and around the structures, in Hounsfield units"
        return Choice({"name": "Range", "range": [low, max(high, low + 1)]}, reason), None
    return Choice({"name": "ZScore"}, "intensities without a fixed scale, as in MR: mean 0 and deviation 1"), None


def _is_ct(data: Fingerprint, modalities: Sequence[str]) -> bool:
    if modalities:
        return all(name.upper() == "CT" for name in modalities)
    lowest, highest = np.median([case.range for case in data.cases], axis=0)
    return data.dimensions == 3 and lowest < AIR and highest > TISSUE


def choose_transforms(data: Fingerprint, spacing: Sequence[float], patch: Sequence[int]) -> list[Choice]:
    """Returns the random transforms: those of space for the number of axes, then those of intensities."""
    chosen = [Choice({"name": "RandFlip"}, "remove it if classes differ in left and right")]
    if data.dimensions == 2:
        if patch[0] == patch[1]:
            chosen.append(Choice({"name": "RandRotate90"}, ""))
        chosen.append(Choice({"name": "RandAffine", "prob": 0.3, "rotate": 20, "scale": [0.8, 1.25]}, ""))
    elif thick_axis(spacing) is None:
        chosen.append(Choice({"name": "RandAffine", "prob": 0.2, "rotate": 20, "scale": [0.8, 1.25]}, ""))
    else:
        chosen.append(Choice({"name": "RandZoom", "prob": 0.2}, "no rotation out of the plane of thick slices"))
    return [
        *chosen,
        Choice({"name": "RandGaussianNoise", "prob": 0.2, "std": 0.1}, ""),
        Choice({"name": "RandGaussianSmooth", "prob": 0.1}, ""),
        Choice({"name": "RandScaleIntensity", "prob": 0.3}, ""),
    ]


def choose_foreground_fraction(data: Fingerprint) -> Choice:
    """Returns the share of the patches around a voxel of a structure."""
    share = data.foreground_share
    if share < SPARSE:
        return Choice(0.8, f"of the patches lie around a structure: structures are {100 * share:.2g} % of the voxels")
    return Choice(0.5, "of the patches lie around a structure")


def choose_optimizer(architecture: Architecture) -> Choice:
    """Returns the optimizer; a small network on a CPU makes few steps, and larger ones are stable."""
    rate = 1e-3 if architecture.channels[0] >= WIDE else 3e-3
    return Choice({"name": "AdamW", "lr": rate}, "take a third if the loss jumps")


def choose_length(architecture: Architecture, voxels: float, on_gpu: bool) -> tuple[Choice, Choice]:
    """Returns the epochs and the iterations per epoch."""
    low, high = ITERATIONS_PER_EPOCH
    once = ceil(voxels / (architecture.batch_size * prod(architecture.patch_size)))
    iterations = min(max(once, low), high)
    epochs = EPOCHS_OF_GPU if on_gpu else EPOCHS_OF_CPU
    return (
        Choice(epochs, "double it if the curves of the validation still rise at the end"),
        Choice(iterations, f"{once} batches hold as many voxels as the data set"),
    )
