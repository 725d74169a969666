"""The topological errors of a case as files: an image of the errors, and markups for 3D Slicer."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import numpy.typing as npt

from segtopo.evaluation.case_scores import CaseScores, PlacedError
from segtopo.masks import ErrorKind
from segtopo.masks.components import Mask, connectivities, label_components
from segtopo.persistence import Construction
from segtopo.volumes import Volume, write_volume
from segtopo.volumes.markups import Point, markups

ERROR_VALUES = {kind: value for value, kind in enumerate(get_args(ErrorKind), start=1)}
"""The value of each kind of error in the image of the errors."""


def error_regions(
    prediction: Mask, reference: Mask, errors: Sequence[PlacedError], construction: Construction
) -> npt.NDArray[np.uint8]:
    """Draws the regions of errors: the gaps, bridges, and components, and the voxels that close or fill loops.

    Args:
        prediction: Predicted mask.
        reference: Reference mask of the same shape.
        errors: The errors of the prediction.
        construction: See :func:`segtopo.masks.betti_numbers`.

    Returns:
        An array of the shape of the masks. The voxels of a region have the value of :data:`ERROR_VALUES` of its error,
        the highest if it has several; all others are 0.
    """
    connectivity, _ = connectivities(construction, prediction.ndim)
    image = np.zeros(prediction.shape, np.uint8)
    for region in (prediction & ~reference, reference & ~prediction):
        labels, count = label_components(region, connectivity)
        values = np.zeros(count + 1, np.uint8)
        for error in errors:
            label = labels[error.voxel]
            values[label] = max(values[label], ERROR_VALUES[error.kind])
        values[0] = 0
        np.maximum(image, values[labels], out=image)
    return image


def error_image(file_name: str, regions: npt.NDArray[np.uint8], reference: Volume) -> dict[str, bytes]:
    """Returns name and content of an image of errors in the geometry and format of the reference.

    Args:
        file_name: Name of the image without its extension.
        regions: See :func:`error_regions`.
        reference: The reference, with the geometry of its file.
    """
    extension = _extension(reference)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{file_name}{extension}"
        write_volume(
            path, regions, like=replace(reference, array=regions, has_channels=False, is_colour=False, segments={})
        )
        return {path.name: path.read_bytes()}


def error_markups(file_name: str, scores: CaseScores) -> dict[str, bytes]:
    """Returns name and content of the markups of the errors of a structure."""
    unit = "mm^2" if scores.ndim == 2 else "mm^3"
    points = [Point(error.kind, _describe(error, unit), error.world) for error in scores.errors]
    text = markups(f"errors of {scores.structure} in {scores.case}", points)
    return {f"{file_name}.mrk.json": text.encode("utf-8")}


def _extension(reference: Volume) -> str:
    """Returns a lossless format that keeps the geometry: that of the file, if there is one with a geometry."""
    if reference.header is None and np.array_equal(reference.affine, np.eye(4)):
        return ".png" if reference.ndim == 2 else ".tif"
    return ".nii.gz"


def _describe(error: PlacedError, unit: str) -> str:
    gap = "" if error.gap_mm is None else f", gap {error.gap_mm:.3g} mm"
    return f"dimension {error.dimension}, size {error.region_mm:.3g} {unit}{gap}"
