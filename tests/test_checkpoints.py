"""Checkpoints that are damaged, of another training or inconsistent: one line, never another network."""

from collections.abc import Callable
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

from oracles.tiny_training import make_cases, tiny_config, write_config
from segtopo.errors import InputError
from segtopo.inference.checkpoint import Checkpoint
from segtopo.training import train


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training: config.yaml, images, labels and out."""
    folder = tmp_path_factory.mktemp("training")
    config = tiny_config(make_cases(folder, (24, 21)), folder / "out") | {"epochs": 2, "ema": 0.9}
    config["network"]["norm"] = "batch"
    train(write_config(folder / "config.yaml", config), console=Console(file=StringIO()))
    return folder


def load(path: Path) -> Checkpoint:
    """Loads a checkpoint and all that a prediction takes from it."""
    checkpoint = Checkpoint.load(path)
    checkpoint.build_network(path)
    checkpoint.rules(path)
    return checkpoint


def refused(action: Callable[[], object]) -> bool:
    try:
        action()
    except InputError as error:
        return "\n" not in str(error)
    return False


def test_a_damaged_file_is_refused_or_loads_the_same(folder: Path, tmp_path: Path) -> None:
    content = (folder / "out/best.pt").read_bytes()
    whole, path = load(folder / "out/best.pt"), tmp_path / "best.pt"
    generator = np.random.default_rng(0)
    count = 0
    for number in range(100):
        damaged = bytearray(content)
        position = int(generator.integers(len(content)))
        if number % 4 == 0:
            damaged = damaged[:position]
        elif number % 4 == 1:
            damaged[position : position + 64] = bytes(64)
        else:
            damaged[position] ^= 1 << int(generator.integers(8))
        path.write_bytes(damaged)
        if refused(lambda: load(path)):
            count += 1
            continue
        loaded = load(path)  # the damage lies between the parts of the archive
        assert loaded.history == whole.history
        assert all(torch.equal(loaded.network[name], whole.network[name]) for name in whole.network)
        assert all(torch.equal(loaded.averaged[name], whole.averaged[name]) for name in whole.averaged)
    assert count >= 60


def first_weight(content: dict[str, Any]) -> str:
    return next(name for name, weight in content["network"].items() if weight.ndim > 1)


def with_weight(change: Callable[[torch.Tensor], torch.Tensor], key: str = "averaged") -> Callable[[dict], None]:
    def spoil(content: dict[str, Any]) -> None:
        name = first_weight(content)
        content[key] = content[key] | {name: change(content[key][name])}

    return spoil


def put(*keys: Any, value: Any) -> Callable[[dict], None]:
    def spoil(content: dict[str, Any]) -> None:
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = value

    return spoil


FOREIGN = {
    "a weight of another shape": with_weight(lambda weight: weight[:1]),
    "a weight of another dtype": with_weight(lambda weight: weight.double()),
    "a sparse weight": with_weight(lambda weight: weight.to_sparse()),
    "a NaN": with_weight(lambda weight: weight * float("nan")),
    "an infinity": with_weight(lambda weight: weight / 0, "network"),
    "a weight too few": lambda content: content["averaged"].pop(first_weight(content)),
    "a weight too many": put("averaged", "more", value=torch.zeros(2)),
    "a number for a weight": put("network", "more", value=3),
    "a tensor in the config": put("config", "epochs", value=torch.tensor(3)),
    "a tensor as a key of the config": put("config", "data", "classes", value=torch.ones(2)),
    "a config of another network": put("config", "network", "channels", value=[4, 16]),
    "no config": put("config", value=None),
    "an unknown key of the config": put("config", "speed", value=1),
    "a history of text": put("history", value="long"),
    "a row of text": put("history", 0, "loss", value="low"),
    "channels of text": put("in_channels", value="1"),
    "no channel": put("in_channels", value=0),
    "other channels": put("in_channels", value=2),
    "rules of numbers": put("repair_rules", value=[1]),
    "unknown rules": put("repair_rules", value=[{"speed": 1}]),
    "another format": put("format", value=1),
    "a missing key": lambda content: content.pop("scaler"),
    "an unknown key": put("more", value=1),
    "a list": lambda content: content.clear(),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_inconsistent_content_is_refused(folder: Path, tmp_path: Path, kind: str) -> None:
    content = torch.load(folder / "out/best.pt", weights_only=True)
    FOREIGN[kind](content)
    torch.save(content, tmp_path / "best.pt")
    assert refused(lambda: load(tmp_path / "best.pt"))


NOT_RESUMED = {
    "an optimiser without state of a weight's form": put("optimizer", 0, "exp_avg", value=torch.zeros(3)),
    "an optimiser of another kind": put("optimizer", 0, value={"momentum_buffer": torch.zeros(1)}),
    "an optimiser of text": put("optimizer", value="fast"),
    "an optimiser of more weights": put("optimizer", 999, value={"step": torch.tensor(1.0)}),
    "a NaN in the optimiser": put("optimizer", 0, "step", value=torch.tensor(float("nan"))),
    "a loss of another kind": put("loss", value={"norms": torch.zeros(2)}),
    "a history too short": put("history", value=[]),
    "a history without epochs": put("history", value=[{"loss": 1.0}, {"loss": 1.0}]),
    "a history too long": lambda content: content["history"].append(content["history"][0]),
    "an iteration before the history": put("iteration", value=1),
    "a negative iteration": put("iteration", value=-4),
    "no average": put("averaged", value={}),
    "another average": with_weight(lambda weight: weight[:1]),
    "another network": with_weight(lambda weight: weight[:1], "network"),
}


@pytest.mark.parametrize("kind", NOT_RESUMED)
def test_an_inconsistent_training_is_not_resumed(folder: Path, tmp_path: Path, kind: str) -> None:
    content = torch.load(folder / "out/last.pt", weights_only=True)
    NOT_RESUMED[kind](content)
    (tmp_path / "out").mkdir()
    torch.save(content, tmp_path / "out/last.pt")
    options = [f"out={tmp_path / 'out'}", f"cache={folder / 'out/cache'}", "epochs=3"]
    quiet = Console(file=StringIO())
    assert refused(lambda: train(folder / "config.yaml", options, resume=True, console=quiet))


def test_what_a_checkpoint_keeps_is_what_it_was_given(folder: Path, tmp_path: Path) -> None:
    checkpoint = load(folder / "out/best.pt")
    checkpoint.save(tmp_path / "again.pt")
    again = load(tmp_path / "again.pt")
    assert again.history == checkpoint.history
    assert all(torch.equal(again.averaged[name], weight) for name, weight in checkpoint.averaged.items())
    content = BytesIO()
    torch.save({**checkpoint.__dict__}, content)
    assert (tmp_path / "again.pt").stat().st_size == len(content.getvalue())
