"""A bounded sample of the foreground of a label map, from which patches around foreground are drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from segtopo.inference.resampling import LabelArray

#: Voxels kept of each label.
LARGEST_SAMPLE = 10_000


def sample_foreground(labels: LabelArray, voxels: Sequence[int]) -> npt.NDArray[np.int64]:
    """Draws voxels of each label, all of them or a random ``LARGEST_SAMPLE``.

    Args:
        labels: A label map ``(*spatial)``.
        voxels: The number of voxels of each label from 0 on.

    Returns:
        Linear indices, those of one label after those of another; :func:`draw_voxel` reads them.

    Example:
        >>> labels = np.array([[0, 2, 2], [0, 0, 1]], np.uint8)
        >>> sample_foreground(labels, [3, 1, 2]).tolist()
        [5, 1, 2]
    """
    generator = np.random.default_rng(0)  # the same sample for all trainings, which may share it
    samples = []
    for label, number in enumerate(voxels):
        found = np.flatnonzero(labels == label) if label and number else np.empty(0, np.int64)
        samples.append(
            found if len(found) <= LARGEST_SAMPLE else generator.choice(found, LARGEST_SAMPLE, replace=False)
        )
    return np.concatenate(samples)


def draw_voxel(samples: npt.NDArray[np.int64], voxels: Sequence[int], generator: np.random.Generator) -> int | None:
    """Draws a label among those present, each with the same probability, and one of its voxels.

    Args:
        samples: See :func:`sample_foreground`.
        voxels: The number of voxels of each label from 0 on.
        generator: The source of randomness.

    Returns:
        The linear index of the voxel; None if there is no foreground.
    """
    sizes = [0, *(min(number, LARGEST_SAMPLE) for number in voxels[1:])]
    present = np.flatnonzero(sizes)
    if not len(present):
        return None
    label = int(generator.choice(present))
    return int(samples[sum(sizes[:label]) + generator.integers(sizes[label])])
