"""The settings of nnU-Net's trainers: a file or the variable itself, checked in one line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from segtopo.errors import InputError
from segtopo.integrations.nnunet.settings import SETTINGS_FILE, read_settings, settings_of

SCHEMA = settings_of("BettiMatchingLoss", threshold=0.8)


def test_without_settings_all_are_the_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("segtopo_nnunet", raising=False)
    for saved in (None, tmp_path):
        settings = read_settings(SCHEMA, saved)
        assert settings.weighting(10).by_gradients
        assert settings.of_nnunet() == {}
        assert settings.topology_loss.build().threshold == 0.8


def test_a_file_and_the_variable_itself_say_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = "{topology_loss: {threshold: 0.9, dimensions: [0, 1]}, lambda_topology: 1, num_epochs: 20, initial_lr: 1e-3}"
    (tmp_path / "own.yaml").write_text(text, encoding="utf-8")
    read = []
    for value in (text, str(tmp_path / "own.yaml")):
        monkeypatch.setenv("segtopo_nnunet", value)
        read.append(read_settings(SCHEMA, None))
    assert read[0] == read[1]
    assert read[0].of_nnunet() == {"num_epochs": 20, "initial_lr": 0.001}
    loss = read[0].topology_loss.build()
    assert (loss.threshold, loss.dimensions) == (0.9, (0, 1))


def test_an_option_of_the_loss_leaves_the_others_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, expected in (("{dimensions: [0]}", (0.8, (0,))), ("{threshold: null}", (None, None))):
        monkeypatch.setenv("segtopo_nnunet", f"{{topology_loss: {text}}}")
        loss = read_settings(SCHEMA, None).topology_loss.build()
        assert (loss.threshold, loss.dimensions) == expected


def test_a_training_continues_with_its_own_settings_or_with_new_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("segtopo_nnunet", "{num_epochs: 20, topology_loss: {dimensions: [1]}}")
    first = read_settings(SCHEMA, None)
    first.save(tmp_path)
    assert yaml.safe_load((tmp_path / SETTINGS_FILE).read_text(encoding="utf-8"))["topology_loss"]["dimensions"] == [1]
    monkeypatch.delenv("segtopo_nnunet")
    assert read_settings(SCHEMA, tmp_path) == first
    monkeypatch.setenv("segtopo_nnunet", "{num_epochs: 30}")
    assert read_settings(SCHEMA, tmp_path).num_epochs == 30


@pytest.mark.parametrize(
    ("epochs", "keys", "factors"),
    [
        (1000, {}, {99: 0, 100: 1 / 101, 199: 100 / 101, 200: 1}),
        (5, {}, {0: 1}),
        (20, {"start_epoch": 4, "ramp_epochs": 0}, {3: 0, 4: 1}),
    ],
)
def test_the_topology_begins_after_a_tenth_of_the_training(
    epochs: int, keys: dict[str, int], factors: dict[int, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("segtopo_nnunet", yaml.safe_dump(keys))
    schedule = read_settings(SCHEMA, None).weighting(epochs).schedule
    assert {epoch: schedule.factor(epoch) for epoch in factors} == pytest.approx(factors)


def test_a_topology_that_would_never_begin_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("segtopo_nnunet", "{start_epoch: 20}")
    with pytest.raises(
        InputError, match=r"^segtopo_nnunet: start_epoch: got 20, expected a number below 20, the number"
    ):
        read_settings(SCHEMA, None).weighting(20)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{lamda_topology: 1}", "segtopo_nnunet: got unknown key 'lamda_topology', expected lambda_topology"),
        (
            "{lambda_topology: 1, gradient_ratio: 2}",
            "segtopo_nnunet: gradient_ratio: got 2.0 beside lambda_topology 1.0, expected only one of them",
        ),
        ("{gradient_ratio: -1}", "segtopo_nnunet: gradient_ratio: got -1, expected a number of at least 0"),
        ("{num_epochs: 0}", "segtopo_nnunet: num_epochs: got 0, expected an integer from 1 to 1000000 or null"),
        (
            "{topology_loss: {treshold: 1}}",
            "segtopo_nnunet: topology_loss: got unknown key 'treshold', expected threshold",
        ),
        (
            "{topology_loss: {name: TopoLoss}}",
            "segtopo_nnunet: topology_loss.name: got 'TopoLoss', expected one of 'BettiMatchingLoss'",
        ),
        ("{topology_loss: {threshold: 2}}", "topology_loss.threshold: got 2, expected a number from 0 to 1 or null"),
        ("{topology_loss: 3}", "segtopo_nnunet: topology_loss: got 3, expected a mapping"),
        ("settings.txt", "segtopo_nnunet: got 'settings.txt', expected a YAML file of settings, or settings as {num"),
        ("nowhere.yaml", "nowhere.yaml: got no such file, expected a YAML file of settings"),
        ("{num_epochs: 2", "segtopo_nnunet"),
    ],
)
def test_wrong_settings_are_refused_in_one_line(text: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("segtopo_nnunet", text)
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        read_settings(SCHEMA, None)
    assert "\n" not in str(caught.value)
