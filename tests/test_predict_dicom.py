"""segtopo predict of DICOM series, with DICOM segmentations beside the masks."""

from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from oracles.dicom_files import slices_of, write_slices
from oracles.tiny_training import make_cases, tiny_config, write_config
from segtopo.errors import FailedCasesError, InputError
from segtopo.inference import predict
from segtopo.inference.checkpoint import Checkpoint
from segtopo.training import train
from segtopo.volumes import check_same_geometry, read_mask, read_volume

SCAN = np.random.default_rng(0).integers(0, 255, (7, 14, 19)).astype(np.uint16)  # k, j, i


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("three")
    config = tiny_config(make_cases(folder, (24, 21, 9)), folder / "run", 3) | {"epochs": 2, "transforms": []}
    result = train(write_config(folder / "config.yaml", config), console=Console(file=StringIO()))
    assert result.best is not None
    return result.best


def test_a_series_gets_a_mask_and_the_same_segmentation(checkpoint: Path, tmp_path: Path) -> None:
    series = write_slices(tmp_path / "images" / "scan", slices_of(SCAN))
    (mask,) = predict(checkpoint, series.parent, tmp_path / "out", dicom_seg=["airway"])
    segmentation = tmp_path / "out" / "dicom_seg" / "scan.dcm"
    expected = read_mask(mask)
    check_same_geometry(expected, read_volume(series), tolerance=1e-4)
    assert list(read_volume(segmentation).segments) == ["airway"]
    np.testing.assert_array_equal(read_mask(segmentation).array, expected.array)
    assert 0 < expected.array.mean() < 1


def named(checkpoint: Path, path: Path, name: str) -> Path:
    """Writes a checkpoint whose only class has a name."""
    content = Checkpoint.load(checkpoint)
    content.config["data"]["class_names"] = [name]
    content.save(path)
    return path


def test_the_segments_have_the_names_of_the_training(checkpoint: Path, tmp_path: Path) -> None:
    series = write_slices(tmp_path / "images" / "scan", slices_of(SCAN))
    airway = named(checkpoint, tmp_path / "airway.pt", "airway")
    for number, (given, name) in enumerate(
        [(airway, "airway"), (checkpoint, "class 1"), ([checkpoint, airway], "airway")]
    ):
        predict(given, series.parent, tmp_path / str(number), dicom_seg=True)
        assert list(read_volume(tmp_path / str(number) / "dicom_seg" / "scan.dcm").segments) == [name]
    others = [airway, named(checkpoint, tmp_path / "vessel.pt", "vessel")]
    with pytest.raises(InputError, match=r"vessel\.pt: got the classes vessel, expected airway as in .*airway\.pt"):
        predict(others, series.parent, tmp_path / "others", dicom_seg=True)


def test_images_without_dicom_and_wrong_names_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    images = checkpoint.parents[1] / "images"
    with pytest.raises(InputError, match=r"dicom_seg: got \['a', 'b'\], expected a name for each of 1 foreground"):
        predict(checkpoint, images, tmp_path / "names", dicom_seg=["a", "b"])
    with pytest.raises(FailedCasesError, match="expected a DICOM series"):
        predict(checkpoint, images, tmp_path / "nifti", dicom_seg=True)
