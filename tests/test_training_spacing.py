"""Trainings on images of mixed spacing, from the config to the masks."""

from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from oracles.tiny_training import make_cases, tiny_config, write_config
from segtopo.config import load_config
from segtopo.errors import InputError
from segtopo.inference import predict
from segtopo.inference.checkpoint import Checkpoint
from segtopo.inference.target_spacing import target_spacing
from segtopo.masks.dice import dice
from segtopo.training import train
from segtopo.training.training_cases import find_cases
from segtopo.volumes import Volume, read_mask, read_volume, write_volume

#: Spacing and shape of the cases: thick slices, of which a few cases have thinner ones.
CASES = [
    ((1, 1, 5), (24, 21, 5)),
    ((0.5, 0.5, 2), (40, 36, 12)),
    ((1, 1, 5), (25, 22, 6)),
    ((0.8, 0.8, 4), (28, 27, 6)),
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Bars of the same size in mm, in images of mixed spacings and directions."""
    generator = np.random.default_rng(0)
    for number, (spacing, shape) in enumerate(CASES):
        affine = np.diag([-spacing[0], spacing[1], (-1) ** number * spacing[2], 1.0])
        x, y, _ = np.indices(shape) * np.reshape(spacing, (3, 1, 1, 1))
        mask = (abs(x - 9) < 4) & (abs(y - 9) < 6)
        like = Volume(mask, affine)
        noisy = 100 * mask + generator.normal(60, 12, shape)
        write_volume(tmp_path / "images" / f"case_{number}.nii.gz", noisy.clip(0, 255).astype(np.uint8), like)
        write_volume(tmp_path / "labels" / f"case_{number}.nii.gz", mask, like)
    return tmp_path


def run(data: Path, *overrides: str, resume: bool = False) -> tuple[str, Path]:
    """Trains; returns the lines that were printed and the folder."""
    config = tiny_config(data, data / "out", 3) | {"patch_size": [16, 12, 4], "transforms": []}
    config["network"] = {"name": "UNet", "channels": [4, 8], "num_res_units": 1}
    console = Console(file=StringIO(), width=500)
    train(write_config(data / "config.yaml", config), overrides, resume=resume, console=console)
    return console.file.getvalue(), data / "out"  # type: ignore[attr-defined]


def training_names(data: Path, *overrides: str) -> list[str]:
    return [case.name for case in find_cases(load_config(data / "config.yaml", overrides).data)[0]]


def test_mixed_spacings_are_said_in_one_line(data: Path) -> None:
    printed, _ = run(data, "epochs=1")
    (line,) = [line for line in printed.splitlines() if "spacing" in line]
    assert line.startswith("the spacings of the images differ (0.5 to 1, 0.5 to 1, 2 to 5 mm)")
    assert "data.spacing: auto" in line


def test_equal_spacings_need_no_word(tmp_path: Path) -> None:
    printed, _ = run(make_cases(tmp_path, (24, 21, 13)), "epochs=1")
    assert "spacing" not in printed


def test_auto_is_resolved_from_the_training_cases_and_stored(data: Path) -> None:
    printed, out = run(data, "data.spacing=auto", "epochs=1", "data.split.seed=3")
    stored = Checkpoint.load(out / "last.pt").training_config(out / "last.pt").data.spacing
    spacings, shapes = zip(*(CASES[int(name[-1])] for name in training_names(data, "data.split.seed=3")), strict=True)
    expected = target_spacing(spacings, shapes)
    assert len(spacings) == 3
    assert stored == pytest.approx(expected)
    assert f"images are resampled to {expected[0]:g} x {expected[1]:g} x {expected[2]:g} mm" in printed
    again, _ = run(data, "data.spacing=auto", "epochs=2", "data.split.seed=3", resume=True)
    assert "epoch 2/2" in again
    with pytest.raises(InputError, match=r"data\.spacing\.0: got 2.0"):
        run(data, "data.spacing=[2,2,4]", "epochs=3", "data.split.seed=3", resume=True)


def test_scores_of_the_validation_are_those_of_the_masks(data: Path) -> None:
    _, out = run(data, "data.spacing=[1,1,2.5]", "epochs=12")
    checkpoint = Checkpoint.load(out / "last.pt")
    (held_out,) = {"case_0", "case_1", "case_2", "case_3"} - set(training_names(data))
    image = data / "images" / f"{held_out}.nii.gz"
    (mask,) = predict(out / "last.pt", image, data / "masks", device="cpu", overlap=0.25)
    assert read_volume(mask).affine.tobytes() == read_volume(image).affine.tobytes()
    truth = read_mask(data / "labels" / f"{held_out}.nii.gz").array
    score = dice(read_mask(mask).array, truth)
    assert score > 0.8
    assert checkpoint.history[-1]["val_dice"] == pytest.approx(score, abs=1e-6)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("[1,1]", "data.spacing: got [1.0, 1.0], expected 3 numbers (as patch_size)"),
        ("[1,1,0]", "data.spacing[2]: got 0, expected a number greater than 0"),
        ("fine", "data.spacing: got 'fine', expected one of 'native', 'auto' or a list of 2 to 3 numbers"),
    ],
)
def test_a_wrong_spacing_is_refused(data: Path, value: str, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        run(data, f"data.spacing={value}")
    assert problem in str(caught.value)
