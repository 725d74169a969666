"""Training with repair: repaired scores in the history, rules in the best checkpoint, and prediction with them."""

import json
from dataclasses import asdict
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from oracles.tiny_training import make_cases, tiny_config, write_config
from segtopo.config import load_config
from segtopo.errors import InputError
from segtopo.inference import predict
from segtopo.inference.checkpoint import Checkpoint
from segtopo.repair import RepairRules, calibrate_repair, repair_mask
from segtopo.training import TrainingResult, train
from segtopo.training.data import load_cases
from segtopo.training.repair_calibration import calibrate_checkpoints
from segtopo.training.training_cases import find_cases
from segtopo.training.validation import Validator
from segtopo.volumes import read_mask, read_volume

REPAIR = "validation={repair: true, best: repaired_betti_error}"


def run(folder: Path, *overrides: str, resume: bool = False) -> tuple[TrainingResult, str]:
    """Trains on tiny cases with repair, and returns the result and the printed lines."""
    data = make_cases(folder / "data", (24, 21))
    config = write_config(folder / "config.yaml", tiny_config(data, folder / "out"))
    printed = StringIO()
    result = train(config, [REPAIR, *overrides], resume=resume, console=Console(file=printed))
    return result, printed.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("training")
    run(folder)
    return folder


def test_the_history_has_repaired_scores_and_the_best_epoch_is_chosen_by_them(folder: Path) -> None:
    best = Checkpoint.load(folder / "out" / "best.pt")
    history = Checkpoint.load(folder / "out" / "last.pt").history
    errors = [row["val_repaired_betti_0_error"] + row["val_repaired_betti_1_error"] for row in history]
    assert best.best_score == -min(errors)
    assert len(best.history) == errors.index(min(errors)) + 1
    assert all(0 <= row["val_repaired_dice"] <= 1 for row in history)


def test_the_best_checkpoint_has_the_rules_of_the_calibration(folder: Path) -> None:
    best = Checkpoint.load(folder / "out" / "best.pt")
    rules = RepairRules.load(folder / "out" / "repair_rules.json")
    assert best.repair_rules == [asdict(rules)]
    assert rules in (best.rules(Path("best.pt")) or [])
    figures = json.loads((folder / "out" / "repair_rules.json").read_text(encoding="utf-8"))["figures"]
    assert sum(figures["repaired"]["betti_matching_errors"]) <= sum(figures["as predicted"]["betti_matching_errors"])


def test_repaired_predictions_are_the_repair_of_the_probabilities(folder: Path) -> None:
    rules = RepairRules(connect_above=0.2, min_piece_size=5, min_hole_size=0)
    for chosen, name in ((rules, "given"), (True, "calibrated")):
        out = folder / name
        written = predict(
            folder / "out" / "best.pt", folder / "data" / "images", out, probabilities=True, device="cpu", repair=chosen
        )
        used = rules if chosen is rules else RepairRules.load(folder / "out" / "repair_rules.json")
        for path in written:
            volume = read_volume(out / "probabilities" / path.name)
            expected = repair_mask(volume.array, used, spacing=volume.spacing).mask
            assert np.array_equal(read_mask(path).array, expected)


def test_several_classes_have_rules_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The tiny cases have one class only.
    monkeypatch.setattr("segtopo.training.engine.check_all_present", lambda counts, data: None)
    result, printed = run(tmp_path, "data.classes=3", "data.class_names=[artery, vein]", "epochs=1")
    assert result.best is not None
    assert len(Checkpoint.load(result.best).repair_rules) == 2
    assert "repair_rules_2.json (vein): Betti matching error" in printed
    predict(result.best, tmp_path / "data" / "images", tmp_path / "masks", device="cpu", repair=True)


def test_the_network_predicts_each_case_once_for_the_rules_of_all_classes(tmp_path: Path) -> None:
    data = make_cases(tmp_path / "data", (24, 21), count=2)
    settings = tiny_config(data, tmp_path / "out")
    settings["data"]["classes"] = 3
    config = load_config(write_config(tmp_path / "config.yaml", settings))
    windows: list[None] = []
    cases = load_cases(find_cases(config.data)[0], config)
    network = config.network.build(2, 1, 3).eval()
    validator = Validator(cases, config, network, before_window=lambda: windows.append(None))
    calibrate_checkpoints([], [validator], tmp_path, Console(file=StringIO()))
    needed = len(windows)
    maps = [list(validator.probabilities(case, (0, 1))) for case in cases]
    assert len(windows) == 2 * needed > 0
    for label in (1, 2):
        references = [case.reference[0] == label for case in cases]
        expected = calibrate_repair([of[label - 1] for of in maps], references, spacings=[c.spacing for c in cases])
        expected.save(tmp_path / "expected.json")
        found = (tmp_path / f"repair_rules_{label}.json").read_bytes()
        assert found == (tmp_path / "expected.json").read_bytes()


def test_a_training_stopped_in_the_calibration_keeps_its_last_weights_and_calibrates_when_resumed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    # The first epoch remains the best, so that the weights of best.pt and last.pt differ.
    monkeypatch.setattr("segtopo.training.training_run.goodness", lambda row, score: 0.0)
    with monkeypatch.context() as patch:
        patch.setattr("segtopo.training.repair_calibration.Calibrator", stop)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path)
    whole, stopped = (Checkpoint.load(path / "out" / "last.pt").network for path in (folder, tmp_path))
    assert all(torch.equal(whole[name], stopped[name]) for name in whole)
    assert not Checkpoint.load(tmp_path / "out" / "best.pt").repair_rules
    run(tmp_path, resume=True)
    assert Checkpoint.load(tmp_path / "out" / "best.pt").repair_rules


def test_a_repaired_score_needs_the_repair(tmp_path: Path) -> None:
    data = make_cases(tmp_path / "data", (24, 21))
    config = write_config(tmp_path / "config.yaml", tiny_config(data, tmp_path / "out"))
    with pytest.raises(InputError, match=r"validation\.best: got repaired_dice, expected repair: true beside it"):
        train(config, ["validation={best: repaired_dice}"], console=Console(file=StringIO()))
