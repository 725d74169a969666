"""nnU-Net's trainers with a topological loss: found by name, trained, resumed, and the same in two processes."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("nnunetv2", reason="the extra nnunet is not installed")

from nnunetv2.training.logging.nnunet_logger import LocalLogger
from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

from oracles.nnunet_processes import PROCESSES, steps, train
from oracles.tiny_nnunet import load_torchvision, make_trainer, write_preprocessed
from segtopo.integrations import nnunet
from segtopo.integrations.nnunet.environment import EXTERNAL_TRAINERS, external_trainers, make_trainers_known

TRAINERS = {
    "nnUNetTrainerBettiMatching": "BettiMatchingLoss",
    "nnUNetTrainerTopoLoss": "TopoLoss",
    "nnUNetTrainerSkeletonRecall": "SkeletonRecallLoss",
    "nnUNetTrainerclDice": "SoftclDiceLoss",
}
SHORT = "num_iterations_per_epoch: 2, num_val_iterations_per_epoch: 2, start_epoch: 1, ramp_epochs: 0"
DATASETS = [
    pytest.param({"ndim": 2}, None, id="2D"),
    pytest.param({"ndim": 3, "regions": True, "ignore": True}, 0.01, id="3D regions ignore, constant weight"),
]


@pytest.fixture(autouse=True)
def nnunet_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("raw", "preprocessed", "results"):
        monkeypatch.setenv(f"nnUNet_{name}", str(tmp_path / name))
    monkeypatch.setenv("nnUNet_n_proc_DA", "0")
    monkeypatch.setenv("segtopo_nnunet", f"{{num_epochs: 2, {SHORT}}}")
    return tmp_path


def test_nnunet_finds_the_trainers_and_they_can_be_pickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_torchvision()
    (tmp_path / "own").mkdir()
    (tmp_path / "own/own.py").write_text("class nnUNetTrainerOwn: pass", encoding="utf-8")
    monkeypatch.setenv(EXTERNAL_TRAINERS, str(tmp_path / "own"))
    make_trainers_known()
    make_trainers_known()
    assert os.environ[EXTERNAL_TRAINERS] == os.pathsep.join([str(tmp_path / "own"), str(external_trainers())])
    for name, loss in TRAINERS.items():
        found = recursive_find_trainer_class_by_name(name)
        assert found is getattr(nnunet, name)
        assert pickle.loads(pickle.dumps(found)) is found
        assert found.topology_loss == loss


@pytest.mark.parametrize("name", TRAINERS)
def test_each_trainer_has_its_loss(name: str) -> None:
    trainer = make_trainer(getattr(nnunet, name))
    loss = trainer._build_loss()
    assert type(loss.topology_loss).__name__ == TRAINERS[name]
    assert loss.weighting is trainer.weighting
    assert loss.weighting.by_gradients


@pytest.mark.parametrize(("data", "constant"), DATASETS)
def test_a_training_logs_its_topology_and_resumes(
    data: dict[str, bool], constant: float | None, nnunet_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if constant is not None:
        monkeypatch.setenv("segtopo_nnunet", f"{{num_epochs: 2, {SHORT}, lambda_topology: {constant}}}")
    monkeypatch.setattr(LocalLogger, "plot_progress_png", lambda *_: None)  # nnU-Net's own, and slow
    write_preprocessed(nnunet_folders / "preprocessed", data["ndim"], data.get("ignore", False))
    trainer = make_trainer(nnunet.nnUNetTrainerTopoLoss, **data)
    trainer.run_training()
    out = Path(trainer.output_folder)
    text = "".join(path.read_text(encoding="utf-8") for path in out.glob("training_log_*.txt"))
    for key in (
        "train_topology_losses",
        "topology_weights",
        "betti_0_errors",
        "New best topology: checkpoint_best_topology.pth",
    ):
        assert key in text
    assert (out / "progress_topology.png").stat().st_size > 10_000

    monkeypatch.delenv("segtopo_nnunet")
    resumed = make_trainer(nnunet.nnUNetTrainerTopoLoss, continues=True, **data)
    assert resumed.settings.model_dump() == trainer.settings.model_dump()
    resumed.num_epochs = 3
    resumed.load_checkpoint(str(out / "checkpoint_best_topology.pth"))
    epoch = resumed.current_epoch
    resumed.load_checkpoint(str(out / "checkpoint_final.pth"))
    states = [each.weighting.state_dict() for each in (trainer, resumed)]
    assert states[0].keys() == {"norms", "calls"}
    assert all(states[0][name].equal(states[1][name]) for name in states[0])
    resumed.run_training()
    log = resumed.logger.local_logger.my_fantastic_logging
    assert {len(values) for values in log.values()} == {3}
    assert log["topology_weights"][0] == 0 < min(log["topology_weights"][1:])
    if constant is None:
        assert resumed.weighting.calls == 4
    else:
        assert log["topology_weights"][1:] == pytest.approx([constant, constant])
    assert log["train_topology_losses"][0] == 0 < min(log["train_topology_losses"][1:])
    errors = np.array([log[f"betti_{dimension}_errors"] for dimension in range(data["ndim"])])
    assert errors.shape == (data["ndim"], 3, 2)
    np.testing.assert_allclose(log["mean_betti_errors"], errors.sum(axis=0).mean(axis=1))
    earlier = trainer.logger.local_logger.my_fantastic_logging
    assert log["mean_betti_errors"][:2] == earlier["mean_betti_errors"]
    assert epoch == 1 + nnunet.betti_errors.best_epoch(earlier["ema_fg_dice"], earlier["mean_betti_errors"], 0.01)
    final = torch.load(out / "checkpoint_final.pth", weights_only=False)
    assert (final["current_epoch"], final["trainer_name"]) == (3, "nnUNetTrainerTopoLoss")


def test_settings_reach_nnunets_trainer(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = (
        "{num_epochs: 7, initial_lr: 0.5, save_every: 3, enable_deep_supervision: false, num_iterations_per_epoch: 5}"
    )
    monkeypatch.setenv("segtopo_nnunet", settings)
    trainer = make_trainer(nnunet.nnUNetTrainerclDice)
    assert (trainer.num_epochs, trainer.initial_lr, trainer.save_every) == (7, 0.5, 3)
    assert (trainer.num_iterations_per_epoch, trainer.num_val_iterations_per_epoch) == (5, 50)
    assert trainer._build_loss().overlap_loss is not None
    assert type(trainer._build_loss().overlap_loss).__name__ == "DC_and_CE_loss"


def test_a_cascade_sees_the_first_stage(nnunet_folders: Path) -> None:
    trainer = make_trainer(nnunet.nnUNetTrainerBettiMatching, 3, cascade=True)
    assert trainer.is_cascaded
    assert "nnUNetTrainerBettiMatching__Plans__first/predicted_next_stage/tiny" in (
        trainer.folder_with_segs_from_previous_stage
    )


def test_two_processes_make_the_steps_of_one(nnunet_folders: Path) -> None:
    write_preprocessed(nnunet_folders / "preprocessed")
    whole = steps()
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=train, args=(rank, nnunet_folders)) for rank in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    parts = [torch.load(nnunet_folders / f"{rank}.pt") for rank in range(PROCESSES)]
    for name, weights in whole["weights"].items():
        for part in parts:
            torch.testing.assert_close(part["weights"][name], weights, rtol=1e-4, atol=1e-6)
    for key in ("losses", "topology"):
        np.testing.assert_allclose(np.mean([part[key] for part in parts], axis=0), whole[key], rtol=1e-5)
    for part in parts:
        assert part["log"] == pytest.approx(whole["log"])
