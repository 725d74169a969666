"""Options of a training: parts of a batch, averaged weights, precision, limits, early stops, processes, trackers."""

import json
import os
import socket
import subprocess
import sys
from io import StringIO
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch
from rich.console import Console
from test_training import InterruptAt, losses, weights_equal

from oracles.tiny_training import make_cases, tiny_config, write_config
from segtopo.errors import InputError
from segtopo.inference.checkpoint import Checkpoint
from segtopo.training import TrainingInterruptedError, TrainingResult, train
from segtopo.training.epoch_rows import validations_since_best

#: A loss and a network whose mean over parts of a batch is that of the batch, and equal random numbers in all parts.
PARTS = ("loss={name: DiceCELoss, include_background: false}", "network.dropout=0.0", "batch_size=4")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_cases(tmp_path_factory.mktemp("data"), (24, 21))


def run(folder: Path, data: Path, *overrides: str, resume: bool = False) -> TrainingResult:
    folder.mkdir(exist_ok=True)
    config = write_config(folder / "config.yaml", tiny_config(data, folder / "out"))
    return train(config, overrides, resume=resume, console=Console(file=StringIO()))


def close(a: TrainingResult, b: TrainingResult) -> bool:
    pairs = zip(losses(a.history), losses(b.history), strict=True)
    return all(one.keys() == two.keys() and one == pytest.approx(two, rel=1e-3, abs=1e-4) for one, two in pairs)


def test_parts_of_a_batch_are_the_batch(tmp_path: Path, data: Path) -> None:
    whole = run(tmp_path / "whole", data, *PARTS)
    parts = run(tmp_path / "parts", data, *PARTS, "batch_size=1", "accumulate=4")
    assert close(whole, parts)
    assert not close(whole, run(tmp_path / "one", data, *PARTS, "batch_size=1"))


@pytest.mark.parametrize("moment", [pytest.param(2, id="in_an_epoch"), pytest.param(12, id="in_validation")])
def test_averaged_weights_are_validated_kept_and_resumed(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    options = ("ema=0.8", "accumulate=2", "optimizer.clip_norm=0.5")
    whole = run(tmp_path / "whole", data, *options)
    assert whole.best is not None
    best = Checkpoint.load(whole.best)
    assert best.weights is best.averaged
    assert not all(torch.equal(best.network[name], best.averaged[name]) for name in best.network)
    InterruptAt.remaining = moment
    with monkeypatch.context() as patch:
        patch.setattr("segtopo.training.engine.StopRequest", InterruptAt)
        with pytest.raises(TrainingInterruptedError):
            run(tmp_path / "stopped", data, *options)
    stopped = run(tmp_path / "stopped", data, *options, resume=True)
    assert losses(stopped.history) == losses(whole.history)
    assert weights_equal(stopped.last, whole.last)
    one, two = (Checkpoint.load(result.last).averaged for result in (stopped, whole))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_the_average_of_weights_is_their_mean_with_a_rising_decay(tmp_path: Path, data: Path) -> None:
    """Steps of size 0 leave the weights as they are, and so their average; it is not the first, random one."""
    still = Checkpoint.load(run(tmp_path / "still", data, "ema=0.9", "optimizer.lr=1e-30", "epochs=1").last)
    assert all(torch.allclose(still.network[name], still.averaged[name]) for name in still.network)


def test_a_limit_of_the_gradient_changes_the_steps(tmp_path: Path, data: Path) -> None:
    sgd = "optimizer={name: SGD, lr: 0.1, momentum: 0.0}"
    free = run(tmp_path / "free", data, sgd, "epochs=1")
    limited = run(tmp_path / "limited", data, sgd, "optimizer.clip_norm=1e-9", "epochs=1")
    wide = run(tmp_path / "wide", data, sgd, "optimizer.clip_norm=1e9", "epochs=1")
    assert weights_equal(free.last, wide.last)
    start, end = Checkpoint.load(free.last).network, Checkpoint.load(limited.last).network
    assert max(float((start[name] - end[name]).abs().max()) for name in start) > 1e-4


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_a_lower_precision_trains_nearly_as_well_and_resumes(tmp_path: Path, data: Path, precision: str) -> None:
    whole = run(tmp_path / "whole", data, f"precision={precision}", "epochs=2", "schedule={name: Constant}")
    exact = run(tmp_path / "exact", data, "epochs=2", "schedule={name: Constant}")
    assert losses(whole.history) != losses(exact.history)
    assert whole.history[-1]["loss"] == pytest.approx(exact.history[-1]["loss"], rel=0.1)
    state = Checkpoint.load(whole.last)
    assert (state.scaler != {}) == (precision == "float16")
    assert all(weight.dtype == torch.float32 for weight in state.network.values())
    run(tmp_path / "grown", data, f"precision={precision}", "epochs=1", "schedule={name: Constant}")
    options = (f"precision={precision}", "epochs=2", "schedule={name: Constant}")
    assert losses(run(tmp_path / "grown", data, *options, resume=True).history) == losses(whole.history)


def test_a_training_that_does_not_improve_stops_early(tmp_path: Path, data: Path) -> None:
    options = ("epochs=50", "optimizer.lr=1e-30", "early_stopping={patience: 3}")
    result = run(tmp_path, data, *options)
    assert len(result.history) == 4
    assert run(tmp_path, data, *options, resume=True).history == result.history
    assert len(run(tmp_path, data, *options[:2], "early_stopping={patience: 5}", resume=True).history) == 6
    assert validations_since_best([{"val_dice": 0.5}, {"val_dice": 0.9}, {}, {"val_dice": 0.7}], "dice") == 1


def test_processes_of_torchrun_train_as_one(tmp_path: Path, data: Path) -> None:
    # Adam would turn the rounding of a gradient that is 0 into whole steps.
    options = (*PARTS, "accumulate=2", "ema=0.9", "optimizer={name: SGD, lr: 0.05, momentum: 0.9}")
    one = run(tmp_path / "one", data, *options)
    config = write_config(tmp_path / "config.yaml", tiny_config(data, tmp_path / "two"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = []
    for rank in range(2):
        environment = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2"}  # as torchrun sets them
        environment |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        command = [sys.executable, "-m", "segtopo", "train", str(config), *options]
        processes.append(
            subprocess.Popen(
                command,
                env={**os.environ, **environment},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
            )
        )
    (first, error), (second, _) = (process.communicate(timeout=300) for process in processes)
    assert [process.returncode for process in processes] == [0, 0], error
    assert "epoch 3/3" in first
    assert "epoch" not in second
    history = Checkpoint.load(tmp_path / "two" / "last.pt").history
    two = TrainingResult(one.out, one.last, one.best, history)
    assert close(one, two)
    weights = (Checkpoint.load(path / "last.pt").network for path in (tmp_path / "one" / "out", tmp_path / "two"))
    a, b = weights
    assert all(torch.allclose(a[name], b[name], atol=1e-4) for name in a)


def test_a_batch_that_processes_cannot_share_is_refused() -> None:
    from segtopo.training.processes import Processes

    Processes(0, 2).check(4)
    with pytest.raises(InputError, match="batch_size: got 3, expected a multiple of the 2 processes"):
        Processes(0, 2).check(3)


class StandIn(SimpleNamespace):
    """A service that notes what it is told."""


def test_weights_and_biases_and_mlflow_get_each_epoch_once_and_are_resumed(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, object]] = []
    wandb, mlflow = ModuleType("wandb"), ModuleType("mlflow")

    def init(**options: object) -> StandIn:
        told.append(("wandb.init", options["id"]))
        return StandIn(
            id="w1",
            log=lambda row, step: told.append(("wandb", (step, "val_dice" in row))),
            finish=lambda: told.append(("wandb.finish", None)),
        )

    def start_run(run_id: str | None, run_name: str | None) -> StandIn:
        told.append(("mlflow.start_run", run_id))
        return StandIn(info=StandIn(run_id="m1"))

    wandb.init = init  # type: ignore[attr-defined]
    mlflow.set_experiment = lambda name: None  # type: ignore[attr-defined]
    mlflow.start_run = start_run  # type: ignore[attr-defined]
    mlflow.log_dict = lambda content, name: json.dumps(content)  # type: ignore[attr-defined]
    mlflow.log_metrics = lambda row, step: told.append(("mlflow", (step, "loss" in row)))  # type: ignore[attr-defined]
    mlflow.end_run = lambda: told.append(("mlflow.end", None))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    options = ("trackers=[wandb, mlflow]", "schedule={name: Constant}")
    run(tmp_path, data, *options, "epochs=1")
    ends = [("wandb.finish", None), ("mlflow.end", None)]
    row = [("wandb", (1, True)), ("mlflow", (1, True))]
    assert told == [("wandb.init", None), ("mlflow.start_run", None), *row, *ends]
    assert not (tmp_path / "out" / "tensorboard").exists()
    told.clear()
    run(tmp_path, data, *options, "epochs=2", resume=True)
    row = [("wandb", (2, True)), ("mlflow", (2, True))]
    assert told == [("wandb.init", "w1"), ("mlflow.start_run", "m1"), *row, *ends]


def test_a_tracker_that_is_not_installed_is_reported_before_the_work(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(ModuleNotFoundError, match="wandb"):
        run(tmp_path, data, "trackers=[wandb]")
    assert not (tmp_path / "out").exists()
