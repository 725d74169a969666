"""Configs: every mistake is named in one line with its key, and no config can run code."""

from pathlib import Path
from typing import Any

import pydantic
import pytest
import yaml

from oracles.tiny_training import tiny_config, write_config
from segtopo.config import load_config
from segtopo.config.yaml_reading import read_yaml
from segtopo.errors import InputError

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.yaml"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_config(tmp_path / "config.yaml", tiny_config(tmp_path, tmp_path / "out"))


def message(path: Path, *overrides: str) -> str:
    with pytest.raises(InputError) as caught:
        load_config(path, overrides)
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.name)
def test_the_configs_of_the_project_are_valid(config: Path) -> None:
    assert load_config(config).out.parts[0] == "runs"


@pytest.mark.parametrize(
    ("override", "parts"),
    [
        ("epochs=-1", ["epochs: received -1 (int)", "greater than 0"]),
        ("epochs=1.5", ["epochs: received 1.5 (float)", "integer"]),
        ("epochs=true", ["epochs: received True (bool)", "integer"]),
        ("seed='3'", ["seed: received '3' (str)", "integer"]),
        ("patch_size=[16,-12]", ["patch_size[1]: received -12 (int)", "greater than 0"]),
        ("patch_size=[16]", ["patch_size: received [16] (list)", "at least 2 items"]),
        ("patch_size=[16,11]", ["patch_size: received [16, 11]", "multiples of [2, 2]", "UNet"]),
        ("patch_size=[2,2]", ["patch_size: received [2, 2]", "more than [2, 2]"]),
        ("patch_size=16", ["patch_size: received 16 (int)", "a list"]),
        ("netwrok.name=UNet", ["netwrok: unknown key", "network", "optimizer"]),
        ("network.chanels=[4,8]", ["network.chanels: unknown key", "channels", "num_res_units"]),
        ("data.split.fractoin=0.1", ["data.split.fractoin: unknown key", "fraction, group, seed"]),
        ("transforms.0.p=0.1", ["transforms[0].p: unknown key", "prob, axes"]),
        ("network.name=UNETR", ["network.name: received 'UNETR'", "'UNet', 'DynUNet', 'SegResNet', 'AttentionUnet'"]),
        ("network={channels: [4, 8]}", ["network.name: missing"]),
        ("network.channels=[4,a]", ["network.channels[1]: received 'a' (str)", "integer"]),
        ("network.strides=[2,2]", ["network: received 2 strides for 2 channels", "(1)"]),
        ("network.strides=[[2,2,2]]", ["network.strides: received [2, 2, 2]", "one number or 2"]),
        ("loss={name: CombinedTopology, topology: {name: Hu}}", ["loss.topology.name: received 'Hu'", "'TopoLoss'"]),
        ("optimizer.lr=fast", ["optimizer.lr: received 'fast' (str)", "a number"]),
        ("optimizer.lr=.nan", ["optimizer.lr: received nan", "finite"]),
        ("device=tpu", ["device: received 'tpu'", "auto|cpu|cuda"]),
        ("amp=true", ["amp: received true with device cpu"]),
        ("data=3", ["data: received 3 (int)", "a mapping"]),
        ("data.train=null", ["data: expected either train", "dataset"]),
        ("data.classes=1", ["data.classes: received 1", "greater than or equal to 2"]),
        ("data.train.images=3", ["data.train.images: received 3 (int)", "string"]),
        ("transforms=[{name: RandRotate90}]", ["transforms[0].axes: received [0, 1]", "equal length"]),
        ("transforms=[{name: RandFlip, axes: [2]}]", ["transforms[0].axes: received [2]", "0 to 1"]),
        ("transforms=[{name: RandZoom, zoom: [2, 1]}]", ["transforms[0].zoom", "low <= high"]),
        ("transforms.0.prob=1.5", ["transforms[0].prob: received 1.5", "less than or equal to 1"]),
        ("epochs", ["override 'epochs'", "key.path=value"]),
        ("transforms.9.prob=1", ["received item '9'", "from 0 to 2"]),
        ("epochs.x=1", ["'epochs' holds 3 (int)", "a mapping or a list"]),
        ("out=!!python/object/apply:os.system [exit]", ["python/object/apply:os.system", "never code"]),
    ],
)
def test_a_wrong_value_is_named_with_its_key(path: Path, override: str, parts: list[str]) -> None:
    text = message(path, override)
    assert all(part in text for part in parts), text


def test_the_source_of_a_mistake_is_named(path: Path) -> None:
    assert message(path, "seed=1", "epochs=0").startswith(f"{path}, override 'epochs=0': epochs:")
    path.write_text(path.read_text().replace("epochs: 3", "epochs: 0"))
    assert message(path, "seed=1").startswith(f"{path}: epochs:")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("!!python/object/apply:os.system ['exit 3']", ["line 1", "tag", "never code"]),
        ("out: !!python/name:os.system", ["line 1", "tag", "never code"]),
        ("out: {_target_: os.system}\nout: b", ["line 2", "'out' is given twice"]),
        ("a: &anchor [1]\nb: *anchor", ["line 2", "aliases are not supported"]),
        ("1: 2", ["received the key 1", "expected a name"]),
        ("a: [1", ["line 1"]),
        ("a: \0", ["not readable as YAML"]),
        ("", ["received None (NoneType)", "a mapping"]),
        ("- 1", ["received [1] (list)", "a mapping"]),
    ],
)
def test_a_file_that_is_no_config_is_refused(tmp_path: Path, text: str, parts: list[str]) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    found = message(path)
    assert found.startswith(str(path))
    assert all(part in found for part in parts), found


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    assert "No such file" in message(tmp_path / "missing.yaml")
    assert "directory" in message(tmp_path)
    (tmp_path / "latin.yaml").write_bytes("out: é".encode("latin-1"))
    assert "not UTF-8" in message(tmp_path / "latin.yaml")


def test_a_bundle_expression_is_a_string(path: Path) -> None:
    assert load_config(path, ['out=\'$__import__("os").system("exit")\'']).out.name.startswith("$__import__")


@pytest.mark.parametrize("missing", ["out", "data", "network", "loss", "patch_size", "epochs"])
def test_a_missing_key_is_named(tmp_path: Path, missing: str) -> None:
    config = tiny_config(tmp_path, tmp_path / "out")
    del config[missing]
    assert f": {missing}: missing" in message(write_config(tmp_path / "c.yaml", config))


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-3", 0.001), ("-2.5E+2", -250.0), ("1.e2", 100.0), (".5e1", 5.0), ("2026-01-01", "2026-01-01"), ("e3", "e3")],
)
def test_numbers_mean_what_they_say(text: str, value: Any) -> None:
    assert read_yaml(text, "test") == value
    assert type(read_yaml(text, "test")) is type(value)


def test_overrides_replace_values_of_any_depth(path: Path) -> None:
    config = load_config(
        path,
        [
            "optimizer.lr=1e-4",
            "transforms.1.prob=0.25",
            "validation.overlap=0.5",
            "network={name: DynUNet, channels: [4, 8]}",
        ],
    )
    assert config.optimizer.lr == 1e-4
    assert config.transforms[1].prob == 0.25
    assert config.validation.overlap == 0.5
    assert config.network.name == "DynUNet"


def test_a_config_cannot_be_changed(path: Path) -> None:
    config = load_config(path)
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        config.epochs = 9  # type: ignore[misc]


def test_a_config_survives_its_own_dump(path: Path, tmp_path: Path) -> None:
    config = load_config(path)
    again = tmp_path / "again.yaml"
    again.write_text(yaml.safe_dump(config.model_dump(mode="json")))
    assert load_config(again) == config


def write_derived(path: Path, text: str) -> Path:
    derived = path.with_name("derived.yaml")
    derived.write_text(text, encoding="utf-8")
    return derived


def test_a_config_holds_only_what_differs_from_its_base(path: Path) -> None:
    base = load_config(path)
    derived = load_config(
        write_derived(path, "base: config.yaml\nseed: 7\nnetwork: {norm: batch}\noptimizer: {name: SGD, lr: 0.1}\n")
    )
    assert derived.seed == 7
    assert derived.network == base.network.model_copy(update={"norm": "batch"})
    assert derived.optimizer.name == "SGD"
    assert derived.data == base.data


def test_a_base_of_another_name_is_replaced_as_a_whole(path: Path) -> None:
    # SegResNet would not know UNet's `channels`.
    text = "base: config.yaml\nnetwork: {name: SegResNet}\npatch_size: [16, 24]\n"
    assert load_config(write_derived(path, text)).network.name == "SegResNet"


def test_overrides_come_after_the_base(path: Path) -> None:
    assert load_config(write_derived(path, "base: config.yaml\nseed: 7\n"), ["seed=8"]).seed == 8


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("base: missing.yaml", ["missing.yaml", "cannot be read"]),
        ("base: 3", ["base: received 3 (int)", "path of a config"]),
        ("base: derived.yaml", ["base: received 'derived.yaml'", "own base"]),
    ],
)
def test_a_wrong_base_is_named(path: Path, text: str, parts: list[str]) -> None:
    received = message(write_derived(path, text))
    for part in parts:
        assert part in received
