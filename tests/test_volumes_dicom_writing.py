"""DICOM segmentations are written: read back they equal the mask, and they refer to the slices of the image."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from scipy.spatial.transform import Rotation

from oracles.dicom_files import slices_of, write_slices
from segtopo.errors import InputError
from segtopo.volumes import Volume, check_same_geometry, read_mask, read_volume, write_dicom_segmentation

SCAN = np.random.default_rng(0).integers(0, 4096, (7, 14, 11)).astype(np.uint16)  # k, j, i
NAMES = ("airway", "pulmonary vessel", "absent")


@pytest.mark.parametrize("orientation", [np.eye(3)[:2], Rotation.random(random_state=3).as_matrix()[:2]])
def test_a_segmentation_of_a_series_is_read_back_as_the_mask(tmp_path: Path, orientation: np.ndarray) -> None:
    slices = slices_of(SCAN, orientation)
    image = write_slices(tmp_path / "scan", slices)
    volume = read_volume(image)
    labels = (volume.array % 3).astype(np.uint8)
    labels[:, :, 2] = 0
    write_dicom_segmentation(tmp_path / "seg.dcm", labels, image, volume, NAMES)
    written = read_volume(tmp_path / "seg.dcm")
    check_same_geometry(written, volume, tolerance=1e-6)
    assert list(written.segments) == list(NAMES)
    for label, name in enumerate(NAMES, start=1):
        np.testing.assert_array_equal(read_mask(tmp_path / "seg.dcm", [name]).array, labels == label)
    dataset = pydicom.dcmread(tmp_path / "seg.dcm")
    referenced = dataset.ReferencedSeriesSequence[0]
    assert referenced.SeriesInstanceUID == slices[0].SeriesInstanceUID
    uids = {instance.ReferencedSOPInstanceUID for instance in referenced.ReferencedInstanceSequence}
    assert uids == {source.SOPInstanceUID for source in slices}
    assert (dataset.StudyInstanceUID, dataset.PatientID) == (slices[0].StudyInstanceUID, slices[0].PatientID)
    assert dataset.FrameOfReferenceUID == slices[0].FrameOfReferenceUID
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        source = frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        (own,) = (found for found in slices if found.SOPInstanceUID == source)
        assert frame.PlanePositionSequence[0].ImagePositionPatient == own.ImagePositionPatient


def test_an_empty_mask_has_the_frames_of_the_image(tmp_path: Path) -> None:
    image = write_slices(tmp_path / "scan", slices_of(SCAN))
    volume = read_volume(image)
    write_dicom_segmentation(tmp_path / "seg.dcm", np.zeros(volume.array.shape, bool), image, volume, ["vessel"])
    written = read_mask(tmp_path / "seg.dcm")
    check_same_geometry(written, volume, tolerance=1e-6)
    assert not written.array.any()


def test_other_images_and_labels_are_refused(tmp_path: Path) -> None:
    image = write_slices(tmp_path / "scan", slices_of(SCAN))
    volume = read_volume(image)
    labels = np.full(volume.array.shape, 2)
    with pytest.raises(InputError, match="names: got 1 names, expected one for each label to 2"):
        write_dicom_segmentation(tmp_path / "seg.dcm", labels, image, volume, ["vessel"])
    with pytest.raises(InputError, match=r"labels: got shape \(11, 14\)"):
        write_dicom_segmentation(tmp_path / "seg.dcm", labels[..., 0], image, volume, NAMES)
    (tmp_path / "scan.nii.gz").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match="got an image of another format, expected a DICOM series"):
        write_dicom_segmentation(tmp_path / "seg.dcm", labels, tmp_path / "scan.nii.gz", Volume(labels), NAMES)
    assert not (tmp_path / "seg.dcm").exists()
