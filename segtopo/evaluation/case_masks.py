"""The masks of a case: read once, brought onto one grid, and limited to the voxels that count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from segtopo.errors import InputError, mismatch
from segtopo.evaluation.options import EvaluationOptions
from segtopo.evaluation.structures import Structure
from segtopo.masks.components import Mask
from segtopo.volumes import Volume, fill_grid, mask_above, mask_of, onto_grid, read_mask, read_volume
from segtopo.volumes.case_pairs import CasePair

WHITE = (255, 65535)  # the foreground of masks that are saved as pictures


@dataclass(frozen=True)
class Case:
    """The files of a case.

    Attributes:
        pair: The predicted mask and its reference.
        roi: File of a mask of the voxels that count; None: all.
        image: File of the image, for pictures.
    """

    pair: CasePair
    roi: Path | None = None
    image: Path | None = None


@dataclass(frozen=True, eq=False)
class CaseMasks:
    """The masks of a case on the grid of its reference.

    Attributes:
        reference: The reference as it is in its file.
        prediction: The prediction on its grid; None if it is missing and counts as empty.
        valid: The voxels that count; None: all.
    """

    case: CasePair
    reference: Volume
    prediction: Volume | None
    valid: Mask | None
    options: EvaluationOptions

    def structures(self) -> Iterator[tuple[Structure, Mask, Mask]]:
        """Yields each structure with its mask in the prediction and in the reference."""
        reference = self._limited(self.reference)
        for structure in self.options.structures:
            mask = mask_of(reference, self.case.reference, structure.labels).array
            yield structure, self._predicted(structure, mask), mask

    def probability(self) -> npt.NDArray[Any] | None:
        """Returns the predicted map, with 0 for voxels that do not count; None if the predictions are masks."""
        if self.options.threshold is None or self.prediction is None or self.prediction.has_channels:
            return None
        return self._limited(self.prediction).array

    def unnamed_labels(self) -> list[int]:
        """Returns the labels in either file that belong to no structure."""
        volumes = [v for v in (self.reference, self.prediction) if v is not None and v.array.dtype.kind in "iu"]
        named = {label for structure in self.options.structures for label in structure.labels or ()}
        if self.options.labels is None or self.options.threshold is not None or any(v.segments for v in volumes):
            return []
        values = {int(value) for volume in volumes for value in np.unique(self._limited(volume).array)}
        return sorted(values - {0} - named)

    def _predicted(self, structure: Structure, reference: Mask) -> Mask:
        path = self.case.prediction
        if self.prediction is None or path is None:
            return np.zeros_like(reference)
        if self.options.threshold is not None:
            mask = mask_above(self.prediction, path, self.options.threshold).array
            return mask if self.valid is None else mask & self.valid
        prediction = self._limited(self.prediction)
        mask = mask_of(prediction, path, structure.labels).array
        if structure.labels is None:
            self._check_one_foreground(prediction.array[..., mask], self.reference.array[..., reference])
        return mask

    def _limited(self, volume: Volume) -> Volume:
        """Sets the voxels that do not count to the background."""
        if self.valid is None:
            return volume
        return replace(volume, array=np.where(self.valid, volume.array, volume.array.dtype.type(0)))

    def _check_one_foreground(self, predicted: npt.NDArray[Any], reference: npt.NDArray[Any]) -> None:
        """Raises InputError if the foreground of the masks has two values, as of two structures of a label map."""
        values = [float(found.flat[0]) for found in (predicted, reference) if found.size]
        if len(set(values)) == 2 and not set(values) & set(WHITE):
            expected = f"{values[1]:g} as in {self.case.reference}, or the labels of structures"
            raise InputError(mismatch(self.case.prediction, got=f"the foreground {values[0]:g}", expected=expected))


def read_case(case: Case, options: EvaluationOptions) -> CaseMasks:
    """Reads the files of a case, each once, and brings them onto the grid of the reference.

    Raises:
        InputError: A file cannot be used, or its grid is another one.
    """
    pair = case.pair
    reference = read_volume(pair.reference)
    prediction = None if pair.prediction is None else read_volume(pair.prediction)
    if prediction is not None:
        reference = fill_grid(reference, prediction)

    def aligned(volume: Volume, path: Path) -> Volume:
        return onto_grid(volume, reference, str(path), str(pair.reference), trust_grid=options.trust_grid)

    if prediction is not None and pair.prediction is not None:
        prediction = aligned(prediction, pair.prediction)
    valid = None if case.roi is None else aligned(read_mask(case.roi), case.roi).array
    if options.ignore_label is not None:
        decided = reference.array != options.ignore_label
        decided = decided.all(axis=0) if reference.has_channels else decided
        valid = decided if valid is None else valid & decided
    return CaseMasks(pair, reference, prediction, valid, options)
