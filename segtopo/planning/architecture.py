"""The size of the patches and the levels of the network, from shape, spacing and memory, after nnU-Net's rules.

F. Isensee et al., "nnU-Net: a self-configuring method for deep learning-based biomedical image segmentation", Nature
Methods 2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, prod

#: Bytes of a network's training per voxel and channel of each level: ten tensors are kept for the gradient (measured on
#: MONAI's DynUNet), and half as many again are in use.
BYTES_PER_CHANNEL = 60
#: An axis is halved as long as it remains this long.
SHORTEST_AXIS = 4
MOST_LEVELS = 6
#: So that there are three levels, the fewest of MONAI's DynUNet.
SMALLEST_PATCH = 4 * SHORTEST_AXIS
#: The deepest levels have this many times the channels of the first, by the number of axes.
WIDENING = {2: 16, 3: 10}
#: Axes whose spacings differ by less than this factor are filtered and halved together.
COMPARABLE = 2.0
#: A patch may be as large as this number of them fits into the memory at once.
BATCH = {2: 8, 3: 2}
SMALLEST_BATCH, LARGEST_BATCH = 2, 16
#: The largest share of the data set in one batch.
BATCH_SHARE = 0.05
SHRINKING = 0.97


@dataclass(frozen=True)
class Machine:
    """The memory for a training in bytes, and the width of the first level of a network for it."""

    memory: float
    width: int

    @staticmethod
    def with_memory(gigabytes: float | None) -> Machine:
        """Returns the plan for a GPU of this memory; None: for the time of a CPU, not for its memory."""
        if gigabytes is None:
            # Many steps on small patches reach more in the same time than few steps on large ones.
            return Machine(0.2e9, 16)
        # The driver, the weights and the workspace of the convolutions take the rest.
        return Machine(0.7e9 * gigabytes, 32 if gigabytes >= 4 else 16)


@dataclass(frozen=True)
class Architecture:
    """Patches and levels of a network.

    Attributes:
        patch_size: The shape of a patch.
        channels: The number of channels of each level.
        strides: The strides between each two levels.
        kernels: The size of the filters of each level.
        batch_size: The number of patches in a batch.
    """

    patch_size: tuple[int, ...]
    channels: tuple[int, ...]
    strides: tuple[tuple[int, ...], ...]
    kernels: tuple[tuple[int, ...], ...]
    batch_size: int


def plan_architecture(shape: Sequence[int], spacing: Sequence[float], voxels: float, machine: Machine) -> Architecture:
    """Plans patches that are as large as the memory allows, and a network that sees all of a patch.

    Args:
        shape: The median shape of the images.
        spacing: Their spacing in mm.
        voxels: The number of voxels of all images together.
        machine: The memory and the width of the network.

    Example:
        >>> plan_architecture((320, 320, 24), (0.8, 0.8, 4.0), 1e8, Machine.with_memory(8)).patch_size
        (160, 160, 24)
    """
    dimensions = len(shape)
    edge = max(length * size for length, size in zip(shape, spacing, strict=True))
    while True:
        # A cube in mm, cut off where the images end. Smaller images are filled up with zeros.
        box = [min(length, max(1.0, edge / size)) for length, size in zip(shape, spacing, strict=True)]
        box = [
            max(length, SMALLEST_PATCH if size < COMPARABLE * min(spacing) else 1)
            for length, size in zip(box, spacing, strict=True)
        ]
        strides, kernels = _levels(box, spacing)
        patch = tuple(map(_to_multiple, box, (prod(step) for step in zip(*strides, strict=True))))
        channels = tuple(machine.width * min(2**level, WIDENING[dimensions]) for level in range(len(kernels)))
        fitting = int(machine.memory / _bytes(patch, strides, channels))
        if fitting >= BATCH[dimensions] or max(box) <= SMALLEST_PATCH:
            break
        edge *= SHRINKING
    few = max(SMALLEST_BATCH, int(BATCH_SHARE * voxels / prod(patch)))
    batch_size = max(SMALLEST_BATCH, min(fitting, few, LARGEST_BATCH))
    return Architecture(patch, channels, strides, kernels, batch_size)


def _levels(
    box: Sequence[float], spacing: Sequence[float]
) -> tuple[tuple[tuple[int, ...], ...], tuple[tuple[int, ...], ...]]:
    """Returns the strides between the levels of a network and the size of the filters of each level.

    An axis with thick slices is neither filtered nor halved until the others are as coarse.
    """
    lengths, coarseness = list(box), list(spacing)
    strides: list[tuple[int, ...]] = []
    kernels: list[tuple[int, ...]] = [tuple(3 if size < COMPARABLE * min(spacing) else 1 for size in spacing)]
    while len(kernels) < MOST_LEVELS:
        long = [size for size, length in zip(coarseness, lengths, strict=True) if length >= 2 * SHORTEST_AXIS]
        if not long:
            break
        steps = [
            2 if length >= 2 * SHORTEST_AXIS and size < COMPARABLE * min(long) else 1
            for length, size in zip(lengths, coarseness, strict=True)
        ]
        lengths = [ceil(length / step) for length, step in zip(lengths, steps, strict=True)]
        coarseness = [size * step for size, step in zip(coarseness, steps, strict=True)]
        near = [size < COMPARABLE * min(coarseness) for size in coarseness]
        kernels.append(tuple(3 if known == 3 or close else 1 for known, close in zip(kernels[-1], near, strict=True)))
        strides.append(tuple(steps))
    return tuple(strides), tuple(kernels)


def _to_multiple(length: float, factor: int) -> int:
    return max(1, round(length / factor)) * factor


def _bytes(patch: Sequence[int], strides: Sequence[Sequence[int]], channels: Sequence[int]) -> float:
    """Returns the memory that the training of one patch takes."""
    voxels, total = float(prod(patch)), float(prod(patch)) * channels[0]
    for step, width in zip(strides, channels[1:], strict=True):
        voxels /= prod(step)
        total += voxels * width
    return BYTES_PER_CHANNEL * total
