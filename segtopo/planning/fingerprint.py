"""The fingerprint of a data set: shapes, spacings, classes and intensities of its cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation

from segtopo.errors import InputError, mismatch
from segtopo.inference.grids import TrainingGrid
from segtopo.inference.resampling import LabelArray
from segtopo.inference.target_spacing import target_spacing
from segtopo.masks.components import FULL_CONNECTIVITY, bounding_box, label_components
from segtopo.training.case_sources import TrainingCase
from segtopo.volumes import Volume, check_same_geometry, mask_of, read_channels, read_volume
from segtopo.volumes.volume import Array

#: Intensities are taken in the foreground and this many voxels around it: a structure shows by its surroundings.
SURROUNDINGS = 2
SAMPLES_PER_CASE = 10_000
LARGEST_LABEL = 255


@dataclass(frozen=True)
class CaseFingerprint:
    """The fingerprint of a case.

    Attributes:
        name: The name of the case.
        grid: The grid of its image; the shape and spacing are those of the image.
        channels: The number of channels of the image.
        is_colour: Whether they are the colours of a picture.
        range: The lowest and the highest intensity.
        samples: Intensities in and around the foreground (channels, n).
        foreground: The number of voxels of all structures.
        voxels: The number of voxels of each structure that the case has: of a class by its label, of a region by its
            number from 1 on.
        pieces: The number of connected pieces of each structure.
    """

    name: str
    grid: TrainingGrid
    channels: int
    is_colour: bool
    range: tuple[float, float]
    samples: npt.NDArray[np.float32]
    foreground: int
    voxels: dict[int, int]
    pieces: dict[int, int]


@dataclass(frozen=True)
class Fingerprint:
    """The fingerprint of a data set.

    Attributes:
        cases: The fingerprint of each case.
        dimensions: The number of axes, 2 or 3.
        regions: The names of the regions; None if the structures are classes.
    """

    cases: tuple[CaseFingerprint, ...]
    dimensions: int
    regions: tuple[str, ...] | None = None

    @property
    def spacings(self) -> list[tuple[float, ...]]:
        """The spacing of each case in mm."""
        return [case.grid.image_spacing for case in self.cases]

    @cached_property
    def target_spacing(self) -> tuple[float, ...]:
        """The spacing at which the cases can be trained together, see :func:`target_spacing`."""
        return target_spacing(self.spacings, [case.grid.shape for case in self.cases])

    @property
    def has_no_spacing(self) -> bool:
        """Whether the images state no spacing, as pictures do; it counts as 1 mm."""
        return all(size == 1 for spacing in self.spacings for size in spacing) and self.dimensions == 2

    def voxels(self, spacing: Sequence[float]) -> float:
        """The number of voxels of all cases at a spacing."""
        sizes = [prod(case.grid.shape) * prod(case.grid.image_spacing) for case in self.cases]
        return sum(sizes) / prod(spacing)

    def median_shape(self, spacing: Sequence[float]) -> tuple[int, ...]:
        """The median shape of the cases at a spacing."""
        shapes = [np.multiply(case.grid.shape, np.divide(case.grid.image_spacing, spacing)) for case in self.cases]
        return tuple(max(1, round(float(length))) for length in np.median(shapes, axis=0))

    @cached_property
    def labels(self) -> tuple[int, ...]:
        """The labels of the classes from 1 on; one label of any value is a binary mask and counts as 1.

        Of regions they are the numbers.
        """
        return tuple(sorted({label for case in self.cases for label in case.voxels}))

    @property
    def foreground_share(self) -> float:
        """The share of all voxels that are in a structure."""
        return sum(case.foreground for case in self.cases) / self._total

    def share(self, label: int) -> float:
        """The share of all voxels that are in a structure, given as in :attr:`labels`."""
        return sum(case.voxels.get(label, 0) for case in self.cases) / self._total

    @property
    def _total(self) -> int:
        return sum(prod(case.grid.shape) for case in self.cases)

    def pieces(self, label: int) -> float:
        """The median number of connected pieces in the cases that have a structure."""
        return float(np.median([case.pieces[label] for case in self.cases if label in case.pieces]))

    def percentiles(self, percentages: Sequence[float]) -> list[float]:
        """Percentiles of the intensities in and around the foreground."""
        samples = np.concatenate([case.samples.reshape(-1) for case in self.cases])
        return [float(value) for value in np.percentile(samples, percentages)] if samples.size else []


def read_fingerprint(
    cases: Sequence[TrainingCase],
    ignored: int | None = None,
    regions: Mapping[str, Sequence[int]] | None = None,
    progress: Callable[[str, int, int], None] = lambda case, number, total: None,
) -> Fingerprint:
    """Reads all cases of a data set, one after the other.

    Args:
        cases: The files.
        ignored: The label of undecided voxels, which count as background.
        regions: The labels of regions that overlap; None: the structures are classes, each with its own label.
        progress: Called before each case with its name, its number (from 1) and the number of cases.

    Raises:
        InputError: A file cannot be used; image and label differ in position; or images differ in the number of axes or
            channels.
    """
    found: list[CaseFingerprint] = []
    dimensions = 0
    for number, case in enumerate(cases, start=1):
        progress(case.name, number, len(cases))
        image, label = read_channels(case.images), read_volume(case.label)
        check_same_geometry(image, label, str(case.images[0]), str(case.label))
        dimensions = dimensions or _dimensions(image)
        labels = _label_map(label, case.label, ignored, may_be_binary=regions is None)
        found.append(_fingerprint(case, image, labels, dimensions, regions))
        if found[-1].channels != found[0].channels:
            expected = f"{found[0].channels}, as in {cases[0].images[0]}"
            raise InputError(mismatch(case.images[0], got=f"{found[-1].channels} channels", expected=expected))
    return Fingerprint(tuple(found), dimensions, None if regions is None else tuple(regions))


def _dimensions(image: Volume) -> int:
    """Returns the number of axes; a volume with one slice is a 2D image."""
    return 2 if image.ndim == 2 or 1 in image.spatial_shape else 3


def _fingerprint(
    case: TrainingCase,
    image: Volume,
    labels: LabelArray,
    dimensions: int,
    regions: Mapping[str, Sequence[int]] | None,
) -> CaseFingerprint:
    channels = image.array if image.has_channels else image.array[None]
    if regions is None:
        structures = {int(value): labels == value for value in np.unique(labels) if value}
    else:
        masks = (np.isin(labels, values) for values in regions.values())
        structures = {number: mask for number, mask in enumerate(masks, start=1) if mask.any()}
    return CaseFingerprint(
        name=case.name,
        grid=TrainingGrid.of(image, "native", dimensions, str(case.images[0])),
        channels=len(channels),
        is_colour=image.is_colour,
        range=(float(channels.min()), float(channels.max())),
        samples=_samples(channels, labels > 0),
        foreground=int(np.count_nonzero(labels)),
        voxels={value: int(mask.sum()) for value, mask in structures.items()},
        pieces={value: label_components(mask, FULL_CONNECTIVITY[mask.ndim])[1] for value, mask in structures.items()},
    )


def _label_map(label: Volume, path: Path, ignored: int | None, may_be_binary: bool) -> LabelArray:
    """Returns labels from 0 to 255; the foreground of a binary mask, of any value, is 1."""
    values = np.unique(label.array)
    if label.has_channels or (len(values) < 3 and ignored is None and may_be_binary):
        return mask_of(label, path).array.astype(np.uint8)
    if values[0] < 0 or values[-1] > LARGEST_LABEL or (values % 1).any():
        got = f"values from {values[0]} to {values[-1]}"
        raise InputError(mismatch(path, got=got, expected=f"labels 0, 1, 2, ... up to {LARGEST_LABEL}"))
    return np.where(label.array == ignored, 0, label.array).astype(np.uint8)


def _samples(channels: Array, foreground: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Draws intensities in and around the foreground, the same in each run."""
    box = tuple(slice(max(0, side.start - SURROUNDINGS), side.stop + SURROUNDINGS) for side in bounding_box(foreground))
    near = binary_dilation(foreground[box], iterations=SURROUNDINGS)
    window = (slice(None), *box)
    values = np.asarray(channels[window][:, near], np.float32)
    chosen = np.random.default_rng(0).permutation(values.shape[1])[:SAMPLES_PER_CASE]
    return values[:, chosen]
