"""Training: its files, how it stops, and that a resumed training equals an uninterrupted one."""

import csv
import os
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from oracles.tiny_training import make_cases, tiny_config, write_config
from segtopo.errors import InputError
from segtopo.inference.checkpoint import Checkpoint
from segtopo.training import NonFiniteLossError, TrainingInterruptedError, TrainingResult, interruption, train
from segtopo.training.interruption import StopRequest

TOPOLOGY = "loss={name: CombinedTopologyLoss, schedule: {start_epoch: 1, ramp_epochs: 1}}"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_cases(tmp_path_factory.mktemp("data"), (24, 21))


def run(folder: Path, data: Path, *overrides: str, resume: bool = False, dimensions: int = 2) -> TrainingResult:
    folder.mkdir(exist_ok=True)
    config = write_config(folder / "config.yaml", tiny_config(data, folder / "out", dimensions))
    return train(config, overrides, resume=resume, console=Console(file=StringIO()))


def losses(history: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{key: value for key, value in row.items() if key != "seconds"} for row in history]


def weights_equal(a: Path, b: Path) -> bool:
    first, second = Checkpoint.load(a).network, Checkpoint.load(b).network
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


def test_a_training_leaves_checkpoints_metrics_curves_and_tensorboard(tmp_path: Path, data: Path) -> None:
    result = run(tmp_path, data, "epochs=5", TOPOLOGY, "validation.interval=2")
    assert result.best == tmp_path / "out" / "best.pt"
    with (tmp_path / "out" / "metrics.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert [row["val_dice"] != "" for row in rows] == [False, True, False, True, True]
    assert [row["loss_topology"] != "" for row in rows] == [False, True, True, True, True]
    assert {"loss", "loss_dice", "loss_cross_entropy", "val_betti_0_error", "val_betti_1_error"} <= rows[0].keys()
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    assert (tmp_path / "out" / "curves.png").stat().st_size > 5000
    assert list((tmp_path / "out" / "tensorboard").glob("events*"))
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.startswith(".")]


def test_a_3d_training_runs(tmp_path: Path) -> None:
    data = make_cases(tmp_path / "data", (20, 18, 9), count=2)
    result = run(tmp_path / "run", data, "epochs=2", "data.split.fraction=0.5", TOPOLOGY, dimensions=3)
    assert "val_betti_2_error" in result.history[-1]


def test_the_best_checkpoint_is_that_of_the_best_validation(tmp_path: Path, data: Path) -> None:
    result = run(tmp_path, data, "epochs=4")
    scores = [row["val_dice"] for row in result.history]
    best = Checkpoint.load(tmp_path / "out" / "best.pt")
    assert best.best_score == max(scores)
    assert len(best.history) == scores.index(max(scores)) + 1


def test_the_same_seed_gives_the_same_training_whatever_the_workers(tmp_path: Path, data: Path) -> None:
    one, two = run(tmp_path / "one", data), run(tmp_path / "two", data, "workers=2")
    other = run(tmp_path / "other", data, "seed=7")
    assert losses(one.history) == losses(two.history)
    assert losses(one.history) != losses(other.history)


def test_training_leaves_the_random_state_of_its_caller_alone(tmp_path: Path, data: Path) -> None:
    before = torch.get_rng_state()
    run(tmp_path, data, "epochs=1")
    assert torch.equal(before, torch.get_rng_state())


class InterruptAt(StopRequest):
    """Stops when it is asked for the n-th time."""

    remaining = 0

    def raise_if_received(self) -> None:
        InterruptAt.remaining -= 1
        if InterruptAt.remaining == 0:
            self.received = signal.SIGTERM
        super().raise_if_received()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, data: Path) -> TrainingResult:
    return run(tmp_path_factory.mktemp("whole"), data, TOPOLOGY)


# It is asked in each epoch for 4 iterations and 3 batches of windows in the validation.
@pytest.mark.parametrize(
    "moment",
    [pytest.param(2, id="in_an_epoch"), pytest.param(4, id="at_its_end"), pytest.param(12, id="in_validation")],
)
def test_a_resumed_training_equals_one_never_stopped(
    tmp_path: Path, data: Path, whole: TrainingResult, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    InterruptAt.remaining = moment
    monkeypatch.setattr("segtopo.training.engine.StopRequest", InterruptAt)
    with pytest.raises(TrainingInterruptedError, match=r"stopped by SIGTERM in epoch .* continue with --resume"):
        run(tmp_path / "stopped", data, TOPOLOGY)
    stopped = run(tmp_path / "stopped", data, TOPOLOGY, resume=True)
    assert losses(stopped.history) == losses(whole.history)
    assert weights_equal(stopped.last, whole.last)
    assert stopped.best is not None
    assert whole.best is not None
    assert weights_equal(stopped.best, whole.best)


def test_a_finished_training_can_be_prolonged(tmp_path: Path, data: Path) -> None:
    whole = run(tmp_path / "whole", data, "schedule={name: Constant}", "epochs=4")
    run(tmp_path / "grown", data, "schedule={name: Constant}", "epochs=2")
    grown = run(tmp_path / "grown", data, "schedule={name: Constant}", "epochs=4", resume=True)
    assert losses(grown.history) == losses(whole.history)
    again = run(tmp_path / "grown", data, "schedule={name: Constant}", "epochs=4", resume=True)
    assert again.history == grown.history


TRAIN_IN_PROCESS = """
import sys
from segtopo.training import train
train(sys.argv[1])
"""


@pytest.mark.parametrize("workers", [0, 1])
def test_sigterm_saves_before_it_ends_the_training(tmp_path: Path, data: Path, workers: int) -> None:
    config = tiny_config(data, tmp_path / "out") | {
        "epochs": 5000,
        "schedule": {"name": "Constant"},
        "workers": workers,
    }
    path = write_config(tmp_path / "config.yaml", config)
    command = [sys.executable, "-c", TRAIN_IN_PROCESS, str(path)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, start_new_session=True, **pipes) as process:
        deadline = time.monotonic() + 60
        while not (tmp_path / "out" / "metrics.csv").exists() and time.monotonic() < deadline:
            assert process.poll() is None, process.stderr
            time.sleep(0.05)
        process.terminate()
        os.killpg(process.pid, signal.SIGTERM)  # as `timeout` and job managers do, to the process and to its group
        errors = process.communicate(timeout=30)[1]
    assert process.returncode == 1
    assert "TrainingInterruptedError: stopped by SIGTERM in epoch" in errors
    stopped = Checkpoint.load(tmp_path / "out" / "last.pt")
    epochs = len(stopped.history) + 1
    resumed = train(path, [f"epochs={epochs}"], resume=True, console=Console(file=StringIO()))
    whole = run(tmp_path / "whole", data, "schedule={name: Constant}", f"epochs={epochs}")
    assert losses(resumed.history) == losses(whole.history)


def test_the_signal_handlers_are_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with StopRequest() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.received == signal.SIGINT
        os.kill(os.getpid(), signal.SIGINT)  # at once again: the same request
        monkeypatch.setattr(interruption, "REPEAT_SECONDS", 0.0)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


class Diverging(torch.nn.Module):
    """Infinite from the second epoch on."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return prediction.square().mean() * (1.0 if self.calls < 5 else float("inf"))


def test_a_loss_that_is_not_finite_stops_the_training_and_names_the_cases(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segtopo.config.losses._DiceCESection.build", lambda *_: Diverging())
    with pytest.raises(
        NonFiniteLossError,
        match=r"loss is inf in epoch 2, iteration 5, for the cases case_\d, case_\d; .*last.pt keeps",
    ):
        run(tmp_path, data)
    assert len(Checkpoint.load(tmp_path / "out" / "last.pt").history) == 1


@pytest.mark.parametrize("loss", ["loss.name=DiceCELoss", TOPOLOGY.replace("start_epoch: 1", "start_epoch: 0")])
def test_a_diverged_network_is_named_whatever_the_loss(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, loss: str
) -> None:
    """The topological losses refuse NaN as wrong input, which is not the user's fault here."""
    monkeypatch.setattr("torch.optim.AdamW.step", lambda self: [w.data.fill_(float("nan")) for w in self.weights])
    monkeypatch.setattr(
        "torch.optim.AdamW.weights",
        property(lambda self: [weight for group in self.param_groups for weight in group["params"]]),
        raising=False,
    )
    with pytest.raises(
        NonFiniteLossError, match="output of the network is not finite in epoch 1, iteration 2, for the"
    ):
        run(tmp_path, data, loss)


def test_a_gradient_that_is_not_finite_stops_the_training(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unbounded(torch.nn.Module):
        def forward(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
            return (prediction * 0).abs().sqrt().sum()

    monkeypatch.setattr("segtopo.config.losses._DiceCESection.build", lambda *_: Unbounded())
    with pytest.raises(NonFiniteLossError, match="gradient of the loss is not finite in epoch 1, iteration 1"):
        run(tmp_path, data)
    assert not (tmp_path / "out" / "last.pt").exists()


def test_fine_tuning_starts_from_the_weights_of_a_checkpoint(tmp_path: Path, data: Path) -> None:
    first = run(tmp_path / "first", data, "epochs=4", "schedule={name: Constant}")
    tuned = run(tmp_path / "tuned", data, "epochs=1", f"initialize_from={first.best}", "optimizer.lr=1e-9", TOPOLOGY)
    assert tuned.history[0]["val_dice"] == pytest.approx(max(row["val_dice"] for row in first.history), abs=1e-3)
    printed = StringIO()
    config = write_config(tmp_path / "other.yaml", tiny_config(data, tmp_path / "other"))
    overrides = ["epochs=1", f"initialize_from={first.best}", "network.channels=[8,16]"]
    train(config, overrides, console=Console(file=printed, width=400))
    assert "skipped, with another shape: " in printed.getvalue()
    with pytest.raises(InputError, match=r"initialize_from: got .*best.pt, none of whose .*, expected weights of this"):
        run(tmp_path / "none", data, f"initialize_from={first.best}", "network={name: SegResNet}", "patch_size=[16,16]")


def test_a_deeply_supervised_training_compares_topology_and_predicts(tmp_path: Path, data: Path) -> None:
    network = "network={name: SegResNetDS, init_filters: 8, blocks_down: [1, 1, 1], deep_supervision: true}"
    result = run(tmp_path, data, "epochs=4", network, "patch_size=[16,12]", TOPOLOGY)
    assert result.history[-1]["loss_topology"] > 0
    assert result.history[-1]["loss"] < result.history[0]["loss"]
    assert result.history[-1]["val_dice"] > 0.5


def refusal(*args: Any, **kwargs: Any) -> str:
    with pytest.raises(InputError) as caught:
        run(*args, **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_earlier_training_is_neither_lost_nor_continued_otherwise(tmp_path: Path, data: Path) -> None:
    assert "last.pt: got no such file" in refusal(tmp_path, data, resume=True)
    run(tmp_path, data, "epochs=1")
    assert "holds a training" in refusal(tmp_path, data)
    found = refusal(tmp_path, data, "optimizer.lr=0.5", resume=True)
    assert "optimizer.lr: got 0.5, expected 0.01 as in" in found
    named = run(tmp_path, data, "epochs=2", "data.class_names=[bar]", resume=True)
    assert Checkpoint.load(named.last).config["data"]["class_names"] == ["bar"]


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_read(tmp_path: Path, data: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert "cannot be written" in refusal(tmp_path, data / "missing", f"out={tmp_path / 'file' / 'out'}")


def test_a_missing_device_is_refused(tmp_path: Path, data: Path) -> None:
    assert "device: got 'cuda:99'" in refusal(tmp_path, data, "device=cuda:99")


def test_bad_data_leaves_nothing_behind(tmp_path: Path) -> None:
    data = make_cases(tmp_path / "data", (24, 21))
    (data / "labels" / "case_2.nii.gz").unlink()
    found = refusal(tmp_path / "run", data)
    assert "case_2.nii.gz: got no label" in found
    assert not (tmp_path / "run" / "out").exists()
