"""What the commands do with good input."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from segtopo.cli import run
from segtopo.persistence import compute_persistence
from segtopo.volumes import Volume, read_mask, read_volume, write_volume

IMAGE = np.random.default_rng(0).integers(0, 200, size=(7, 11), dtype=np.uint8)
LONG_NAME = "a_case_with_a_name_that_no_terminal_of_eighty_columns_could_show_in_one_row_of_a_table"


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def image(tmp_path: Path) -> Path:
    write_volume(tmp_path / "image.png", IMAGE)
    return tmp_path / "image.png"


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    for name in ("one", LONG_NAME):
        write_volume(tmp_path / "masks" / f"{name}.png", IMAGE > 120)
    return tmp_path / "masks"


def test_evaluate_prints_an_uncut_table_and_plain_lines_into_a_pipe(
    masks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", str(masks), str(masks), "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert f"evaluate 1/2: {LONG_NAME}" in lines
    (row,) = [line for line in lines if line.strip().startswith(LONG_NAME)]
    assert row.split()[1:] == ["1.0000", "1.0000", "0.00", "1.0000", "0", "0", "0", "0"]
    medians = ["median", "1.0000", "1.0000", "0.00", "1.0000", "0.00", "0.00", "0.00", "0.00"]
    assert medians in [line.split() for line in lines]
    assert printed.err == ""
    assert "\x1b" not in printed.out
    assert len(rows_of(tmp_path / "out/cases.csv")) == 2


def test_a_pipe_in_ascii_gets_a_question_mark_for_other_characters(tmp_path: Path) -> None:
    write_volume(tmp_path / "masks/größe.png", IMAGE > 120)
    command = [sys.executable, "-m", "segtopo.cli", "evaluate", "masks", "masks", "--out", "out"]
    ascii_only = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, cwd=tmp_path, env=ascii_only, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert any(line.split()[0] == b"gr??e" for line in done.stdout.splitlines())


def test_evaluate_shows_a_bar_and_a_table_on_a_terminal(
    masks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert run(["evaluate", str(masks), str(masks), "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "\x1b[" in printed
    assert "━" in printed
    assert "evaluate 1/2" not in printed


def test_evaluate_takes_labels_and_construction(tmp_path: Path) -> None:
    diagonal = np.eye(5, 8, dtype=np.uint8) * 2
    diagonal[4, 6:] = 3
    write_volume(tmp_path / "map.png", diagonal)
    file, out = str(tmp_path / "map.png"), tmp_path / "out"
    assert run(["evaluate", file, file, "--out", str(out), "--labels", "2,3", "--construction", "V"]) == 0
    rows = rows_of(out / "cases.csv")
    assert [(r["structure"], r["betti_0_reference"]) for r in rows] == [("2", "5"), ("3", "1")]
    assert json.loads((out / "summary.json").read_text(encoding="utf-8"))["settings"]["construction"] == "V"


@pytest.mark.parametrize("options", [[], ["--filtration", "sublevel", "--construction", "V"]])
def test_persistence_writes_the_pairs(options: list[str], image: Path, tmp_path: Path) -> None:
    expected = compute_persistence(IMAGE, **dict(zip([o[2:] for o in options[::2]], options[1::2], strict=True)))
    for suffix in ("csv", "json", "npz"):
        assert run(["persistence", str(image), "--out", str(tmp_path / f"pairs.{suffix}"), *options]) == 0
    rows = rows_of(tmp_path / "pairs.csv")
    np.testing.assert_array_equal([float(r["birth"]) for r in rows], expected.births)
    np.testing.assert_array_equal([float(r["death"]) for r in rows], expected.deaths)
    voxels = [[int(r["death_voxel_0"]), int(r["death_voxel_1"])] for r in rows]
    np.testing.assert_array_equal(voxels, expected.death_voxels)
    document = json.loads((tmp_path / "pairs.json").read_text(encoding="utf-8"))
    assert document["shape"] == [7, 11]
    assert [p["birth_voxel"] for p in document["pairs"]] == expected.birth_voxels.tolist()
    deaths = [None if e else d for d, e in zip(expected.deaths, expected.essential, strict=True)]
    assert [p["death"] for p in document["pairs"]] == deaths
    with np.load(tmp_path / "pairs.npz") as arrays:
        np.testing.assert_array_equal(arrays["dimensions"], expected.dimensions)
        np.testing.assert_array_equal(arrays["essential"], expected.essential)
        assert (str(arrays["construction"]), str(arrays["filtration"])) == (
            expected.construction,
            expected.filtration,
        )


def test_persistence_leaves_short_bars_out_and_picks_a_channel(tmp_path: Path) -> None:
    write_volume(tmp_path / "colour.png", np.stack([IMAGE // 2, IMAGE, IMAGE // 3]), Volume(IMAGE))
    arguments = ["--channel", "1", "--min-persistence", "50"]
    assert run(["persistence", str(tmp_path / "colour.png"), "--out", str(tmp_path / "p.csv"), *arguments]) == 0
    expected = compute_persistence(IMAGE, min_persistence=50)
    assert len(rows_of(tmp_path / "p.csv")) == len(expected) < len(compute_persistence(IMAGE))


def test_phantom_writes_a_data_set_again_and_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--shape", "48,64", "--train", "1", "--test", "1", "--loops", "0", "--seed", "3"]
    for out in ("a", "b"):
        assert run(["phantom", "--out", str(tmp_path / out), *options]) == 0
    assert "phantom 2/2: test/vessels_00.png" in capsys.readouterr().out
    images = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*.png"))
    assert len(images) == 4
    for path in images:
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes()
        assert read_volume(tmp_path / "a" / path).spatial_shape == (48, 64)


@pytest.mark.parametrize(
    ("options", "shapes"),
    [
        (["--crop", "12", "--crops-per-mask", "2"], [(12, 12)] * 2),
        (["--crop", "12,20", "--crops-per-mask", "1"], [(12, 20)]),
        (["--whole"], [(40, 50)]),
    ],
)
def test_simulate_writes_images_of_masks(
    options: list[str], shapes: list[tuple], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mask = np.zeros((40, 50), dtype=bool)
    mask[18:21] = True
    write_volume(tmp_path / "masks" / "vessel.png", mask)
    out = tmp_path / "out"
    assert run(["simulate", str(tmp_path / "masks"), "--out", str(out), *options]) == 0
    assert f"simulate {len(shapes)}/{len(shapes)}: vessel" in capsys.readouterr().out
    assert [read_mask(p).spatial_shape for p in sorted((out / "labels").iterdir())] == shapes
    assert [p.name for p in sorted((out / "images").iterdir())] == [p.name for p in sorted((out / "labels").iterdir())]


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty files of the names that the commands are given."""
    for name in ("c.yaml", "best.pt", "fold_1", "images"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Stand-ins for training and inference, which note what they are asked for."""
    module, inference = ModuleType("segtopo.training"), ModuleType("segtopo.inference")
    calls = SimpleNamespace(train=None, predict=None, failure=None)
    module.NonFiniteLossError = type("NonFiniteLossError", (RuntimeError,), {})
    module.TrainingInterruptedError = type("TrainingInterruptedError", (RuntimeError,), {})

    def train_folds(config: Path, overrides: list[str], *, fold: int | None, resume: bool) -> list[SimpleNamespace]:
        calls.train = (config, list(overrides), fold, resume)
        if calls.failure:
            raise getattr(module, calls.failure)("loss is nan\nin batch a, b")
        return [SimpleNamespace(best=None, last=Path("last.pt"))]

    def predict(checkpoints: list[Path], images: Path, out: Path, *, progress: object, **options: object) -> list[Path]:
        progress("one", 1, 1)
        calls.predict = (checkpoints, images, out, options)
        return [out / "one.png"]

    module.train_folds, inference.predict = train_folds, predict
    monkeypatch.setitem(sys.modules, "segtopo.training", module)
    monkeypatch.setitem(sys.modules, "segtopo.inference", inference)
    return calls


def test_train_hands_its_arguments_on(
    training: SimpleNamespace, paths: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["train", "c.yaml", "epochs=3", "optimizer.lr=1e-3", "--resume"]) == 0
    assert training.train == (Path("c.yaml"), ["epochs=3", "optimizer.lr=1e-3"], None, True)
    assert run(["train", "c.yaml", "--fold", "3"]) == 0
    assert training.train == (Path("c.yaml"), [], 3, False)
    assert "checkpoint: last.pt" in capsys.readouterr().out


@pytest.mark.parametrize(("failure", "code"), [("NonFiniteLossError", 1), ("TrainingInterruptedError", 130)])
def test_a_training_that_stops_prints_one_line(
    failure: str, code: int, training: SimpleNamespace, paths: None, capsys: pytest.CaptureFixture[str]
) -> None:
    training.failure = failure
    assert run(["train", "c.yaml"]) == code
    assert capsys.readouterr().err == "error: loss is nan in batch a, b\n"


def test_predict_hands_its_arguments_on(
    training: SimpleNamespace, paths: None, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["predict", "best.pt", "fold_1", "images", "--out", "masks", "--probabilities", "--overlap", "0.25"]
    assert run([*arguments, "--mirror"]) == 0
    options = {"probabilities": True, "overlap": 0.25, "mirror": True, "repair": False, "device": "auto"}
    options["dicom_seg"] = False
    assert training.predict == ([Path("best.pt"), Path("fold_1")], Path("images"), Path("masks"), options)
    assert capsys.readouterr().out.splitlines() == ["predict 1/1: one", "masks (1): masks"]
    assert run([*arguments, "--dicom-seg"]) == 0
    assert training.predict[-1]["dicom_seg"] is True
    assert run([*arguments, "--dicom-seg", "--segment-names", "artery,vein"]) == 0
    assert training.predict[-1]["dicom_seg"] == ["artery", "vein"]
    assert run([*arguments, "--segment-names", "artery"]) == 2
    assert capsys.readouterr().err == "error: --segment-names: got names, expected --dicom-seg beside them\n"
