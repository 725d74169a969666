"""Prediction: masks with the geometry of their images, whole or not at all."""

import gzip
import pickle
import subprocess
import sys
from io import StringIO
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

from oracles.tiny_training import AFFINE, make_cases, tiny_config, write_config
from segtopo.config.output_channels import OutputChannels
from segtopo.errors import FailedCasesError, InputError
from segtopo.inference import predict
from segtopo.training import train
from segtopo.volumes import Volume, read_mask, read_volume, write_volume

SHAPES = {2: (40, 31), 3: (24, 21, 13)}


def trained(folder: Path, dimensions: int) -> Path:
    make_cases(folder, SHAPES[dimensions])
    config = tiny_config(folder, folder / "training", dimensions) | {"epochs": 20, "transforms": []}
    result = train(write_config(folder / "config.yaml", config), console=Console(file=StringIO()))
    assert result.best is not None
    return result.best


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A 2D network; its data is in ``../..``, seen from it."""
    return trained(tmp_path_factory.mktemp("two"), 2)


def data_of(checkpoint: Path) -> Path:
    return checkpoint.parents[1]


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * np.sum(a & b) / (np.sum(a) + np.sum(b)))


def check_masks(written: list[Path], data: Path) -> None:
    for path in written:
        image, mask = nib.load(data / "images" / path.name), nib.load(path)
        assert mask.header["sform_code"] == image.header["sform_code"]
        assert mask.header["qform_code"] == image.header["qform_code"]
        assert mask.affine.tobytes() == image.affine.tobytes()
        assert mask.header["pixdim"].tobytes() == image.header["pixdim"].tobytes()
        assert mask.shape == image.shape
        assert (
            dice(np.asarray(mask.dataobj) > 0, read_mask(data / "labels" / path.name).array.reshape(mask.shape)) > 0.8
        )


def test_2d_masks_have_the_geometry_of_their_images(checkpoint: Path, tmp_path: Path) -> None:
    told = []
    out = tmp_path / "new" / "masks"
    written = predict(
        checkpoint, data_of(checkpoint) / "images", out, device="cpu", progress=lambda *news: told.append(news)
    )
    assert written == [out / f"case_{number}.nii.gz" for number in range(4)]
    assert told == [(f"case_{number}", number + 1, 4) for number in range(4)]
    assert sorted(out.iterdir()) == [*written, out / "records"]
    assert [path.name for path in out.parent.iterdir()] == ["masks"]
    check_masks(written, data_of(checkpoint))


def test_3d_masks_have_the_geometry_of_their_images(tmp_path: Path) -> None:
    checkpoint = trained(tmp_path / "three", 3)
    written = predict(checkpoint, data_of(checkpoint) / "images", tmp_path / "masks", device="cpu", probabilities=True)
    check_masks(written, data_of(checkpoint))
    probability = read_volume(tmp_path / "masks" / "probabilities" / "case_0.nii.gz")
    assert probability.array.shape == SHAPES[3]
    assert np.allclose(probability.affine, AFFINE)


def test_probabilities_are_those_of_the_mask(checkpoint: Path, tmp_path: Path) -> None:
    image = data_of(checkpoint) / "images" / "case_1.nii.gz"
    written = predict(checkpoint, image, tmp_path / "masks", probabilities=True, device="cpu")
    assert [path.name for path in written] == ["case_1.nii.gz"]
    probability = read_volume(tmp_path / "masks" / "probabilities" / "case_1.nii.gz").array
    assert probability.dtype == np.float32
    assert probability.min() >= 0
    assert probability.max() <= 1
    assert np.array_equal(read_mask(written[0]).array, probability > 0.5)


@pytest.mark.parametrize(("extension", "of_mask"), [(".jpg", ".png"), (".gif", ".png"), (".bmp", ".bmp")])
def test_pictures_get_masks_without_loss(checkpoint: Path, tmp_path: Path, extension: str, of_mask: str) -> None:
    picture = read_volume(data_of(checkpoint) / "images" / "case_0.nii.gz").array
    Image.fromarray(picture).save(tmp_path / f"case{extension}")
    written = predict(checkpoint, tmp_path / f"case{extension}", tmp_path / "masks", probabilities=True, device="cpu")
    assert written == [tmp_path / "masks" / f"case{of_mask}"]
    assert set(np.unique(read_volume(written[0]).array)) == {0, 255}
    assert read_volume(tmp_path / "masks" / "probabilities" / "case.tiff").array.dtype == np.float32


def test_an_image_smaller_than_a_window_is_segmented(checkpoint: Path, tmp_path: Path) -> None:
    write_volume(tmp_path / "small.png", np.zeros((9, 5), np.uint8))
    written = predict(checkpoint, tmp_path / "small.png", tmp_path / "masks", device="cpu")
    assert read_volume(written[0]).array.shape == (9, 5)


def test_the_most_probable_class_counts_the_background() -> None:
    foreground = torch.tensor([[[0.2, 0.7, 0.1, 0.3]], [[0.2, 0.1, 0.6, 0.4]]]).permute(1, 0, 2)
    assert OutputChannels(((1,), (2,))).label_map(foreground).tolist() == [[0, 1, 2, 2]]


def refusal(checkpoint: Path, images: Path, out: Path, **options: object) -> str:
    before = sorted(out.parent.glob("*"))
    with pytest.raises(InputError) as caught:
        predict(checkpoint, images, out, **{"device": "cpu", **options})  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert sorted(out.parent.glob("*")) == before
    return str(caught.value)


def test_a_damaged_image_does_not_stop_the_others(checkpoint: Path, tmp_path: Path) -> None:
    make_cases(tmp_path, SHAPES[2], count=3)
    file = tmp_path / "images" / "case_1.nii.gz"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FailedCasesError, match=r"^1 of 3 cases failed: .*case_1\.nii\.gz: got ") as caught:
        predict(checkpoint, tmp_path / "images", tmp_path / "masks", device="cpu", repair=True)
    assert list(caught.value.failures) == ["case_1"]
    masks = tmp_path / "masks"
    assert sorted(path.name for path in masks.iterdir()) == [
        "case_0.nii.gz",
        "case_2.nii.gz",
        "edits.csv",
        "records",
    ]
    first = (masks / "case_0.nii.gz").stat().st_mtime_ns
    file.write_bytes(whole)
    told = []
    written = predict(
        checkpoint, tmp_path / "images", masks, device="cpu", repair=True, progress=lambda *news: told.append(news)
    )
    assert told == [("case_1", 1, 1)]
    assert [path.name for path in written] == [f"case_{number}.nii.gz" for number in range(3)]
    assert (masks / "case_0.nii.gz").stat().st_mtime_ns == first
    predict(checkpoint, tmp_path / "images", tmp_path / "whole", device="cpu", repair=True)
    assert (masks / "edits.csv").read_bytes() == (tmp_path / "whole" / "edits.csv").read_bytes()


def test_an_image_that_has_changed_is_segmented_again_and_other_settings_are_refused(
    checkpoint: Path, tmp_path: Path
) -> None:
    make_cases(tmp_path, SHAPES[2], count=2)
    images, masks = tmp_path / "images", tmp_path / "masks"
    predict(checkpoint, images, masks, device="cpu")
    write_volume(images / "case_1.nii.gz", np.zeros(SHAPES[2], np.uint8))
    (masks / "case_0.nii.gz").unlink()
    told = []
    predict(checkpoint, images, masks, device="cpu", progress=lambda *news: told.append(news[0]))
    assert told == ["case_0", "case_1"]
    message = r"masks: got results of other settings \(overlap: 0\.5, now 0\.25\), expected the same settings, or a new"
    with pytest.raises(InputError, match=message):
        predict(checkpoint, images, masks, device="cpu", overlap=0.25)
    with pytest.raises(InputError, match=r"got results of other settings \(checkpoints: "):
        predict(checkpoint.with_name("last.pt"), images, masks, device="cpu")


def test_an_interruption_keeps_the_finished_masks(checkpoint: Path, tmp_path: Path) -> None:
    make_cases(tmp_path, SHAPES[2], count=3)

    def stop(name: str, number: int, total: int) -> None:
        if number == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict(checkpoint, tmp_path / "images", tmp_path / "masks", device="cpu", progress=stop)
    assert sorted(path.name for path in (tmp_path / "masks").iterdir()) == ["case_0.nii.gz", "records"]
    assert len(predict(checkpoint, tmp_path / "images", tmp_path / "masks", device="cpu")) == 3


def test_images_that_do_not_fit_the_network_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    write_volume(tmp_path / "deep.nii.gz", np.zeros((9, 8, 7), np.uint8))
    assert "got 3 spatial axes, expected 2" in refusal(checkpoint, tmp_path / "deep.nii.gz", tmp_path / "masks")
    colours = np.zeros((3, 9, 8), np.uint8)
    write_volume(tmp_path / "rgb.png", colours, Volume(colours[0]))
    assert "got 3 channels, expected 1" in refusal(checkpoint, tmp_path / "rgb.png", tmp_path / "masks")


def test_images_and_folders_that_cannot_be_used_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    images = data_of(checkpoint) / "images"
    assert "no such file" in refusal(checkpoint, tmp_path / "missing.png", tmp_path / "masks")
    assert "unsupported" in refusal(checkpoint, tmp_path / "missing", tmp_path / "masks")
    (tmp_path / "empty").mkdir()
    assert "empty: got no image" in refusal(checkpoint, tmp_path / "empty", tmp_path / "masks")
    assert "not empty" in refusal(checkpoint, images, images)
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert "cannot be written" in refusal(checkpoint, images, tmp_path / "file" / "masks")
    assert "overlap: got 1.0" in refusal(checkpoint, images, tmp_path / "masks", overlap=1.0)


def test_prediction_needs_no_library_that_only_training_needs() -> None:
    code = """
import sys
for name in ("ignite", "tensorboard", "torch.utils.tensorboard", "matplotlib"):
    sys.modules[name] = None
import segtopo.config, segtopo.inference
"""
    subprocess.run([sys.executable, "-c", code], check=True)


class Malicious:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("this must not be printed",))


def test_a_file_that_is_no_checkpoint_is_refused(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images, out, file = data_of(checkpoint) / "images", tmp_path / "masks", tmp_path / "checkpoint.pt"
    assert "got no such file, expected a checkpoint" in refusal(file, images, out)
    content = checkpoint.read_bytes()
    for wrong in (content[: len(content) // 2], b"", b"text", gzip.compress(content), pickle.dumps({"format": 1})):
        file.write_bytes(wrong)
        assert "expected a checkpoint of segtopo" in refusal(file, images, out)
    torch.save({"weights": torch.zeros(3)}, file)
    assert "expected a checkpoint of segtopo" in refusal(file, images, out)
    torch.save({"format": 1, "network": Malicious()}, file)
    assert "expected a checkpoint of segtopo" in refusal(file, images, out)
    assert capsys.readouterr().out == ""
