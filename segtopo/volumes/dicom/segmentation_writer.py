"""Writes masks of DICOM images as DICOM segmentations, with highdicom."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from segtopo.atomic_output import atomic_output
from segtopo.errors import InputError, mismatch
from segtopo.volumes.dicom.files import is_series, series_files
from segtopo.volumes.dicom.frames import frames_of
from segtopo.volumes.file_names import DICOM, image_extension
from segtopo.volumes.volume import Array, Volume

MANUFACTURER = "segtopo"
_AFTER_OTHERS = 900  # a series number that the scanner has not given


def write_dicom_segmentation(
    path: str | Path, labels: Array, image: str | Path, like: Volume, names: Sequence[str]
) -> None:
    """Writes the labels of a DICOM image as a DICOM segmentation of binary segments, which refers to the image.

    The study, the patient and the frame of reference are those of the image.

    Args:
        path: The file to write, ``.dcm``.
        labels: Integers of the shape of the image, in index order: 0 the background, 1 the first name.
        image: The folder of a series, or a DICOM file.
        like: The image as :func:`~segtopo.volumes.read_volume` has read it.
        names: The name of each segment, for the labels 1, 2, ...

    Raises:
        InputError: The image is no DICOM image with positions, or a label has no name.
        ModuleNotFoundError: The extra ``dicom`` is not installed.
    """
    import highdicom as hd

    sources = source_headers(Path(image))
    if labels.shape != like.spatial_shape:
        raise InputError(
            mismatch("labels", got=f"shape {labels.shape}", expected=f"{like.spatial_shape}, as the image")
        )
    if int(labels.max(initial=0)) > len(names):
        raise InputError(mismatch("names", got=f"{len(names)} names", expected=f"one for each label to {labels.max()}"))
    stack = labels.reshape(*labels.shape, *[1] * (3 - labels.ndim)).T  # (k, j, i)
    order = [_slice_number(position, like) for position in _positions(sources, Path(image))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about headers that break the standard
        segmentation = hd.seg.Segmentation(
            source_images=sources,
            pixel_array=np.ascontiguousarray(stack[order], np.uint8),
            segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=[_description(number, name) for number, name in enumerate(names, start=1)],
            series_instance_uid=hd.UID(),
            series_number=_AFTER_OTHERS,
            sop_instance_uid=hd.UID(),
            instance_number=1,
            manufacturer=MANUFACTURER,
            manufacturer_model_name=MANUFACTURER,
            software_versions=version("segtopo"),
            device_serial_number="0",
            series_description="segtopo segmentation",
            omit_empty_frames=bool(labels.any()),
        )
        with atomic_output(Path(path)) as part:
            segmentation.save_as(part)


def source_headers(image: Path) -> list[Any]:
    """Reads the headers of a DICOM image, that of each slice of a series.

    Raises:
        InputError: It is another image.
    """
    from pydicom import dcmread

    if is_series(image):
        return [dcmread(file, stop_before_pixels=True) for file in series_files(image)]
    if not image.is_file() or image_extension(image) not in DICOM:
        raise InputError(mismatch(image, got="an image of another format", expected="a DICOM series, for DICOM-SEG"))
    return [dcmread(image, stop_before_pixels=True)]


def _positions(sources: Sequence[Any], image: Path) -> list[npt.NDArray[np.float64]]:
    """Returns the position of each frame, in LPS+ coordinates in mm."""
    planes = [frame.plane for source in sources for frame in frames_of(source, image.name)]
    if any(plane is None for plane in planes):
        raise InputError(mismatch(image, got="frames without a position", expected="slices in space, for DICOM-SEG"))
    return [plane.position for plane in planes if plane is not None]


def _slice_number(position: npt.NDArray[np.float64], like: Volume) -> int:
    """Returns the third index of the voxel at a position."""
    x, y, z = position
    return round(float((np.linalg.inv(like.affine) @ [-x, -y, z, 1])[2]))


def _description(number: int, name: str) -> Any:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    algorithm = hd.AlgorithmIdentificationSequence(
        name=MANUFACTURER, family=codes.DCM.ArtificialIntelligence, version=version("segtopo")
    )
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=name,
        segmented_property_category=codes.SCT.AnatomicalStructure,
        segmented_property_type=codes.SCT.AnatomicalStructure,
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=algorithm,
    )
