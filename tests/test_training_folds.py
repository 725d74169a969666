"""Cross-validation: folds, their trainings, rules from all of them, and the prediction of all."""

import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from oracles.tiny_training import make_cases, tiny_config, write_config
from segtopo.cli import run
from segtopo.config import load_config
from segtopo.errors import InputError
from segtopo.inference import predict
from segtopo.inference.checkpoint import Checkpoint
from segtopo.inference.ensemble import checkpoints_of
from segtopo.training import train, train_folds
from segtopo.training.training_cases import find_cases
from segtopo.volumes import read_mask, read_volume

FOLDS = ("data.split={folds: 2}", "epochs=2", "validation={repair: true}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished cross-validation: config.yaml, images, labels and out."""
    folder = tmp_path_factory.mktemp("folds")
    write_config(folder / "config.yaml", tiny_config(make_cases(folder, (24, 21)), folder / "out"))
    printed = StringIO()
    results = train_folds(folder / "config.yaml", FOLDS, console=Console(file=printed))
    assert [result.out for result in results] == [folder / "out/fold_0", folder / "out/fold_1"]
    (folder / "printed.txt").write_text(printed.getvalue(), encoding="utf-8")
    return folder


def held_out(folder: Path, *overrides: str) -> tuple[set[str], set[str]]:
    train_cases, validation_cases = find_cases(load_config(folder / "config.yaml", overrides).data)
    return {case.name for case in train_cases}, {case.name for case in validation_cases}


def test_each_case_is_validated_once_and_groups_stay_together(tmp_path: Path) -> None:
    make_cases(tmp_path, (24, 21), count=7)
    write_config(tmp_path / "config.yaml", tiny_config(tmp_path, tmp_path / "out"))
    everything = {f"case_{number}" for number in range(7)}
    parts = [held_out(tmp_path, f"data.split={{folds: 3, fold: {fold}}}") for fold in range(3)]
    assert sorted(len(validation) for _, validation in parts) == [2, 2, 3]
    assert sorted(name for _, validation in parts for name in validation) == sorted(everything)
    assert all(training == everything - validation for training, validation in parts)
    pairs = "data.split={folds: 2, fold: 0, group: 'case_([0-3]|[4-6])'}"
    grouped = [held_out(tmp_path, pairs.replace("fold: 0", f"fold: {fold}"))[1] for fold in range(2)]
    assert grouped[0].isdisjoint(grouped[1])
    # Two groups: the digits below 4 are groups of their own.
    halves = "data.split={folds: 2, fold: 0, group: 'case_[0-3]|case_'}"
    assert {"case_4", "case_5", "case_6"} & held_out(tmp_path, halves)[1] in (set(), {"case_4", "case_5", "case_6"})


def test_too_few_cases_for_the_folds_are_refused(tmp_path: Path) -> None:
    make_cases(tmp_path, (24, 21), count=2)
    config = write_config(tmp_path / "config.yaml", tiny_config(tmp_path, tmp_path / "out"))
    with pytest.raises(InputError, match=r"data\.split: got 2 groups of cases, expected at least 3 to split"):
        train_folds(config, ["data.split={folds: 3}"], console=Console(file=StringIO()))
    with pytest.raises(InputError, match=r"fold: got 3, expected a number from 0 to 2"):
        train_folds(config, ["data.split={folds: 3}"], fold=3, console=Console(file=StringIO()))
    with pytest.raises(InputError, match=r"fold: got 0, expected no fold, or a config with data\.split\.folds"):
        train_folds(config, fold=0, console=Console(file=StringIO()))
    with pytest.raises(InputError, match=r"data\.split\.fold: got no value, expected the number of a fold"):
        train(config, ["data.split={folds: 2}"], console=Console(file=StringIO()))


def test_the_rules_of_all_folds_are_in_each_checkpoint(folder: Path) -> None:
    best = [Checkpoint.load(path) for path in checkpoints_of(folder / "out")]
    assert len(best) == 2
    assert best[0].repair_rules == best[1].repair_rules != []
    assert (folder / "out" / "repair_rules.json").is_file()
    printed = (folder / "printed.txt").read_text(encoding="utf-8")
    assert "calibrating the repair on 4 validation cases" in printed
    assert "2 folds: dice 0." in printed
    assert (folder / "out" / "cache").is_dir()
    assert not (folder / "out" / "fold_0" / "cache").exists()


def test_the_rules_of_a_finished_cross_validation_are_chosen_again(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "rules.json"
    assert run(["calibrate", str(folder / "out"), "--out", str(out)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert sorted(line.split(": ")[1] for line in printed[:4]) == [f"case_{number}" for number in range(4)]
    assert out.read_bytes() == (folder / "out" / "repair_rules.json").read_bytes()
    assert out.with_suffix(".png").is_file()
    assert run(["calibrate", str(folder / "out" / "fold_1"), "--out", str(out), "--thresholds", "0.3,0.5"]) == 0
    content = json.loads(out.read_text(encoding="utf-8"))
    assert (content["cases"], {row["threshold"] for row in content["grid"]}) == (2, {0.3, 0.5})


def test_a_training_is_calibrated_without_references(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def error(*arguments: object) -> str:
        assert run(["calibrate", *map(str, arguments), "--out", str(tmp_path / "rules.json")]) == 2
        return capsys.readouterr().err

    training, beside = folder / "out", "beside a training, expected no value: a training knows its validation cases"
    assert f"REFERENCES: got {folder / 'labels'} {beside}" in error(training, folder / "labels")
    assert f"--label: got 0 {beside}" in error(training / "fold_0/best.pt", "--label", 0)
    assert f"--skip-missing: got True {beside}" in error(training, "--skip-missing")
    assert "channel: got 2, expected 1 to 1: the classes of" in error(training, "--channel", 2)
    assert "REFERENCES: got no value, expected reference masks" in error(folder / "images")
    alone = train(folder / "config.yaml", ["data.split=null", "epochs=1", f"out={tmp_path / 'alone'}"])
    assert "alone: got no validation cases, expected a training with data.validation or data.split" in error(alone.out)
    assert not (tmp_path / "rules.json").exists()


def test_finished_folds_are_skipped_and_one_fold_is_trained_alone(folder: Path, tmp_path: Path) -> None:
    before = (folder / "out/fold_0/last.pt").stat().st_mtime_ns
    with pytest.raises(InputError, match="holds a training"):
        train_folds(folder / "config.yaml", FOLDS, console=Console(file=StringIO()))
    results = train_folds(folder / "config.yaml", FOLDS, resume=True, console=Console(file=StringIO()))
    assert (folder / "out/fold_0/last.pt").stat().st_mtime_ns == before
    options = (*FOLDS, f"out={tmp_path / 'out'}")
    (alone,) = train_folds(folder / "config.yaml", options, fold=1, console=Console(file=StringIO()))
    assert alone.out == tmp_path / "out/fold_1"
    assert [row["loss"] for row in alone.history] == [row["loss"] for row in results[1].history]
    both = train_folds(folder / "config.yaml", options, resume=True, console=Console(file=StringIO()))
    assert [row["loss"] for row in both[0].history] == [row["loss"] for row in results[0].history]


def test_an_ensemble_predicts_the_mean_of_its_members(folder: Path, tmp_path: Path) -> None:
    options = {"probabilities": True, "device": "cpu"}
    for name, checkpoints in (("all", folder / "out"), ("0", folder / "out/fold_0"), ("1", folder / "out/fold_1")):
        predict(checkpoints, folder / "images", tmp_path / name, **options)
    both = [folder / "out/fold_0/best.pt", folder / "out/fold_1"]
    predict(both, folder / "images", tmp_path / "listed", repair=True, **options)
    name = "probabilities/case_2.nii.gz"
    mean, zero, one, listed = (read_volume(tmp_path / part / name).array for part in ("all", "0", "1", "listed"))
    assert np.allclose(mean, (zero + one) / 2, atol=1e-6)
    assert np.array_equal(mean, listed)
    assert np.array_equal(read_mask(tmp_path / "all/case_2.nii.gz").array, mean > 0.5)
    assert not np.allclose(zero, one, atol=1e-3)


def test_members_of_an_ensemble_have_one_way_to_read_an_image(folder: Path, tmp_path: Path) -> None:
    config = folder / "config.yaml"
    networks = ["network={name: DynUNet, channels: [4, 8, 8]}", "epochs=1"]
    other = train(config, [*networks, f"out={tmp_path / 'net'}"], console=Console(file=StringIO()))
    assert other.best is not None
    predict([folder / "out", other.best], folder / "images", tmp_path / "masks", device="cpu")
    options = ["data.normalization={name: Percentiles}", "epochs=1", f"out={tmp_path / 'scaled'}"]
    scaled = train(config, options, console=Console(file=StringIO()))
    assert scaled.best is not None
    with pytest.raises(InputError, match=r"data\.normalization: got .* the networks of an ensemble read"):
        predict([folder / "out", scaled.best], folder / "images", tmp_path / "no", device="cpu")
    with pytest.raises(InputError, match="got other repair rules, expected those of"):
        predict([folder / "out", other.best], folder / "images", tmp_path / "no", device="cpu", repair=True)
    with pytest.raises(InputError, match=r"got a folder without best\.pt, expected a checkpoint"):
        predict(folder / "images", folder / "images", tmp_path / "no", device="cpu")


def test_mirrored_images_have_mirrored_predictions(folder: Path, tmp_path: Path) -> None:
    """The mean over all mirror images does not depend on the way an image lies, where one window covers it."""
    from segtopo.volumes import write_volume

    image = read_volume(folder / "images/case_1.nii.gz").array[:16, :12]
    write_volume(tmp_path / "images/a.tiff", image)
    write_volume(tmp_path / "images/b.tiff", np.ascontiguousarray(image[::-1]))
    for mirror in (True, False):
        out = tmp_path / str(mirror)
        predict(folder / "out/fold_0", tmp_path / "images", out, device="cpu", mirror=mirror, probabilities=True)
        a, b = (read_volume(out / f"probabilities/{name}.tiff").array for name in "ab")
        assert np.allclose(a, b[::-1], atol=1e-5) == mirror
