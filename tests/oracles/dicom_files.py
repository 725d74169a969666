"""DICOM files made by pydicom and highdicom: series, multi-frame images and segmentations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import highdicom as hd
import imagecodecs
import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sr.codedict import codes
from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    generate_uid,
)

AXIAL = np.eye(3)[:2]
SPACING = (0.8, 0.6, 2.5)  # along i, j, k


def dicom_file(sop_class: str = CTImageStorage, syntax: str = ExplicitVRLittleEndian) -> FileDataset:
    """An object without an image."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = syntax
    dataset = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
    dataset.PatientID, dataset.PatientName = "1", "One^Case"
    dataset.PatientBirthDate = dataset.PatientSex = dataset.AccessionNumber = dataset.ReferringPhysicianName = ""
    dataset.StudyInstanceUID, dataset.FrameOfReferenceUID = "1.2.3", "1.2.3.4"
    dataset.StudyID = dataset.StudyDate = dataset.StudyTime = ""
    dataset.SeriesInstanceUID, dataset.Modality, dataset.SeriesNumber = "1.2.3.5", "CT", 1
    return dataset


def set_pixels(dataset: Dataset, pixels: np.ndarray, bits: int | None = None) -> None:
    """Stores integers ``(rows, columns)`` or ``(frames, rows, columns)``."""
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    dataset.BitsAllocated = 8 * pixels.dtype.itemsize
    dataset.BitsStored = bits or dataset.BitsAllocated
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    if pixels.ndim == 3:
        dataset.NumberOfFrames = len(pixels)
    little = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    dataset.PixelData = little + b"\0" * (len(little) % 2)
    dataset["PixelData"].VR = "OW" if dataset.BitsAllocated > 8 else "OB"


def slices_of(
    array: np.ndarray,
    orientation: np.ndarray = AXIAL,
    spacing: Sequence[float] = SPACING,
    origin: Sequence[float] = (-10.5, 20.25, 30),
    step: np.ndarray | None = None,
    slopes: Sequence[tuple[float, float]] = (),
    bits: int | None = None,
) -> list[FileDataset]:
    """Slices of an array ``(k, j, i)``, in LPS+ coordinates; ``step`` leads from slice to slice."""
    step = np.cross(*orientation) * spacing[2] if step is None else step
    slices = []
    for number, pixels in enumerate(array):
        dataset = dicom_file()
        set_pixels(dataset, pixels, bits)
        dataset.InstanceNumber, dataset.ImageType = number + 1, ["ORIGINAL", "PRIMARY", "AXIAL"]
        dataset.ImageOrientationPatient = [f"{value:.12f}" for value in np.ravel(orientation)]
        dataset.ImagePositionPatient = [f"{value:.10f}" for value in np.asarray(origin) + number * step]
        dataset.PixelSpacing = [spacing[1], spacing[0]]
        dataset.SliceThickness = spacing[2]
        if slopes:
            dataset.RescaleSlope, dataset.RescaleIntercept = slopes[number]
        slices.append(dataset)
    return slices


def write_slices(folder: Path, slices: Sequence[Dataset], seed: int = 0) -> Path:
    """Writes slices whose names say nothing about their order."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = np.random.default_rng(seed).permutation(len(slices))
    for number, dataset in zip(numbers, slices, strict=True):
        dataset.save_as(folder / f"IM{number:04}", enforce_file_format=True)
    return folder


def enhanced(slices: Sequence[Dataset], order: Sequence[int]) -> FileDataset:
    """One file with slices as frames."""
    dataset = dicom_file(EnhancedCTImageStorage)
    set_pixels(dataset, np.stack([slices[number].pixel_array for number in order]), slices[0].BitsStored)
    shared, frames = Dataset(), []
    shared.PixelMeasuresSequence = [_copied(slices[0], "PixelSpacing", "SliceThickness")]
    shared.PlaneOrientationSequence = [_copied(slices[0], "ImageOrientationPatient")]
    for number in order:
        frame = Dataset()
        frame.PlanePositionSequence = [_copied(slices[number], "ImagePositionPatient")]
        if "RescaleSlope" in slices[number]:
            frame.PixelValueTransformationSequence = [_copied(slices[number], "RescaleSlope", "RescaleIntercept")]
        frames.append(frame)
    dataset.SharedFunctionalGroupsSequence, dataset.PerFrameFunctionalGroupsSequence = [shared], frames
    return dataset


def _copied(source: Dataset, *keys: str) -> Dataset:
    item = Dataset()
    for key in keys:
        item[key] = source[key]
    return item


def segmentation(slices: Sequence[Dataset], pixels: np.ndarray, kind: str, names: Sequence[str], **options: Any) -> Any:
    """A segmentation of slices: ``(k, j, i)`` labels or fractions, or ``(k, j, i, segments)``."""
    described = [
        hd.seg.SegmentDescription(
            number, name, codes.SCT.Tissue, codes.SCT.BloodVessel, hd.seg.SegmentAlgorithmTypeValues.MANUAL
        )
        for number, name in enumerate(names, start=1)
    ]
    return hd.seg.Segmentation(
        slices, pixels, kind, described, generate_uid(), 2, generate_uid(), 1, "maker", "model", "1", "1", **options
    )


def jpeg(pixels: np.ndarray, bits: int) -> bytes:
    return imagecodecs.jpeg8_encode(pixels, lossless=True, bitspersample=bits)


def jpeg_ls(pixels: np.ndarray, bits: int) -> bytes:
    return imagecodecs.jpegls_encode(pixels)


def jpeg_2000(pixels: np.ndarray, bits: int) -> bytes:
    encoded = imagecodecs.jpeg2k_encode(pixels, level=0, codecformat="j2k", bitspersample=bits)
    return encoded[: encoded.rindex(b"\xff\xd9") + 2]  # before 2025, imagecodecs returned more than the image


def compressed(dataset: Dataset, syntax: str, encode: Callable[[np.ndarray, int], bytes]) -> Dataset:
    """An image whose frames are encoded."""
    dtype = f"u{dataset.BitsAllocated // 8}"
    used = np.array(2**dataset.BitsStored - 1, dtype)
    frames = np.frombuffer(dataset.PixelData, dtype).reshape(-1, dataset.Rows, dataset.Columns) & used
    dataset.PixelData = encapsulate([encode(frame, dataset.BitsStored) for frame in frames])
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    dataset.file_meta.TransferSyntaxUID = syntax
    return dataset


ENCODERS = {
    JPEGLossless: jpeg,
    JPEGLosslessSV1: jpeg,
    JPEGLSLossless: jpeg_ls,
    JPEG2000Lossless: jpeg_2000,
}
