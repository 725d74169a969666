"""The spacing at which cases of different spacings are trained together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from segtopo.inference.resampling import THICK_SLICES

#: Of the spacings across thick slices this percentile is taken: their median would throw away slices of half the cases.
THICK_SLICES_PERCENTILE = 10
#: Spacings that differ by a smaller part need no word.
ALIKE = 0.05


def target_spacing(spacings: Sequence[Sequence[float]], shapes: Sequence[Sequence[int]]) -> tuple[float, ...]:
    """Returns the median spacing of cases; across thick slices, of which there are few, a smaller one.

    The rule is nnU-Net's: if the largest median spacing is at least three times the others, and the median number of
    voxels along its axis less than a third of the others, the 10th percentile of the spacings along it is taken, but
    no less than the others.

    Args:
        spacings: The spacing of each case in mm, with the axes of a :class:`~segtopo.inference.grids.TrainingGrid`.
        shapes: The shape of each case.

    References:
        F. Isensee et al., "nnU-Net: a self-configuring method for deep learning-based biomedical image segmentation",
        Nature Methods 2021.

    Example:
        >>> target_spacing([(1, 1, 5), (0.5, 0.5, 2), (0.75, 0.75, 5)], [(256, 256, 30)] * 3)
        (0.75, 0.75, 2.6)
    """
    spacing, shape = np.median(spacings, axis=0), np.median(shapes, axis=0)
    axis = int(spacing.argmax())
    others, lengths = np.delete(spacing, axis), np.delete(shape, axis)
    if spacing[axis] >= THICK_SLICES * others.max() and shape[axis] * THICK_SLICES < lengths.min():
        percentile = np.percentile([case[axis] for case in spacings], THICK_SLICES_PERCENTILE)
        spacing[axis] = max(percentile, others.max())
    return tuple(round(float(length), 6) for length in spacing)


def describe_spacings(spacings: Sequence[Sequence[float]]) -> str | None:
    """Says in which range the spacings of cases lie; None if they are alike.

    Example:
        >>> describe_spacings([(1, 1, 5), (0.5, 0.5, 2), (1, 1, 2)])
        '0.5 to 1, 0.5 to 1, 2 to 5 mm'
        >>> describe_spacings([(1, 1), (1.01, 1.01)])
    """
    low, high = np.min(spacings, axis=0), np.max(spacings, axis=0)
    if (high <= low * (1 + ALIKE)).all():
        return None
    ranges = [(f"{least:.4g}", f"{most:.4g}") for least, most in zip(low, high, strict=True)]
    return ", ".join(least if least == most else f"{least} to {most}" for least, most in ranges) + " mm"
