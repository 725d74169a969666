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


COUNT = "an integer from 1 to 1000000"
NETWORKS = "one of 'UNet', 'AttentionUnet', 'DynUNet', 'ResidualEncoderUNet', 'SegResNet', 'SegResNetDS', 'SwinUNETR'"
PATH = "a path (not empty, at most 1000 bytes, 255 for each name in it)"
LOSS = "{name: CombinedTopologyLoss, topology_loss: {name: TopoLoss, %s}}"


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("epochs=-1", f"epochs: got -1, expected {COUNT}"),
        ("epochs=1.5", f"epochs: got 1.5, expected {COUNT}"),
        ("epochs=true", f"epochs: got true, expected {COUNT}"),
        ("epochs=null", f"epochs: got null, expected {COUNT}"),
        ("epochs=.inf", f"epochs: got inf, expected {COUNT}"),
        ("epochs=1000001", f"epochs: got 1000001, expected {COUNT}"),
        ("seed='3'", "seed: got '3', expected an integer from 0 to 4294967295"),
        ("seed=18446744073709551616", "seed: got 18446744073709551616, expected an integer from 0 to 4294967295"),
        ("workers=257", "workers: got 257, expected an integer from 0 to 256"),
        ("out=", f"out: got null, expected {PATH}"),
        ("out=''", f"out: got '', expected {PATH}"),
        (r'out="a\0b"', rf"out: got 'a\x00b', expected {PATH}"),
        ("patch_size=[16,-12]", f"patch_size[1]: got -12, expected {COUNT}"),
        ("patch_size=[16]", "patch_size: got [16], expected a list of 2 to 3 integers from 1 to 1000000"),
        ("patch_size=16", "patch_size: got 16, expected a list of 2 to 3 integers from 1 to 1000000"),
        (
            "patch_size=[16,11]",
            "patch_size: got [16, 11], expected multiples of [2, 2] (the strides of network UNet multiplied)",
        ),
        (
            "patch_size=[2,2]",
            "patch_size: got [2, 2], expected more than [2, 2]: the deepest level of network UNet is a single voxel",
        ),
        (
            "patch_size=[1000000,1000000]",
            "patch_size: got [1000000, 1000000], expected at most 268435456 voxels",
        ),
        ("batchsize=4", "got unknown key 'batchsize', expected batch_size"),
        ("netwrok.name=UNet", "got unknown key 'netwrok', expected network"),
        ("network.chanels=[4,8]", "network: got unknown key 'chanels', expected channels"),
        ("data.split.fractoin=0.1", "data.split: got unknown key 'fractoin', expected fraction"),
        (
            "data.split.share=0.1",
            "data.split: got unknown key 'share', expected one of fraction, folds, fold, group, seed",
        ),
        ("transforms.0.p=0.1", "transforms[0]: got unknown key 'p', expected one of prob, name, axes"),
        (
            r'data.split={"a\nb": 1}',
            r"data.split: got unknown key 'a\nb', expected one of fraction, folds, fold, group, seed",
        ),
        ("network.name=UNETR", f"network.name: got 'UNETR', expected {NETWORKS}"),
        ("network.name=[1]", f"network.name: got [1], expected {NETWORKS}"),
        ("network={channels: [4, 8]}", f"network.name: got no value, expected {NETWORKS}"),
        ("network.channels=[4,a]", "network.channels[1]: got 'a', expected an integer from 1 to 4096"),
        (
            "network.strides=[2,2]",
            "network.strides: got 2 strides for 2 channels, expected one stride between each two levels (1)",
        ),
        ("network.strides=[[2,2,2]]", "network.strides[0]: got [2, 2, 2], expected one number or 2 (as patch_size)"),
        (
            "network.strides=[a]",
            "network.strides[0]: got 'a', expected an integer from 1 to 16 or a list of integers from 1 to 16",
        ),
        ("network.strides=[[2,a]]", "network.strides[0][1]: got 'a', expected an integer from 1 to 16"),
        (
            "network={name: DynUNet, kernel_size: 2}",
            "network.kernel_size: got 2, expected an odd integer from 1 to 31 or a list of an odd integer from 1 to 31 "
            "or a list of lists of an odd integer from 1 to 31",
        ),
        (
            "network={name: DynUNet, channels: [4, 8, 8], kernel_size: [3, 1], strides: [[2, 3], 1]}",
            "network.strides[0]: got [2, 3], expected at most one more than kernel_size [3, 1]",
        ),
        ("network.dropout=2", "network.dropout: got 2, expected a number from 0 to 1"),
        (
            "loss={name: DiceBCE}",
            "loss.name: got 'DiceBCE', expected one of 'DiceCELoss', 'CombinedTopologyLoss'",
        ),
        (
            "loss=" + LOSS % "patch_size: a",
            "loss.topology_loss.patch_size: got 'a', expected a non-empty list of integers from 1 to 1000000 or "
            f"{COUNT} or null",
        ),
        (
            "loss=" + LOSS % "dimensions: [2]",
            "loss.topology_loss.dimensions: got [2], expected different dimensions from 0 to 1 of 2D images",
        ),
        (
            "loss=" + LOSS % "dimension_weights: [1, 2, 3]",
            "loss.topology_loss.dimension_weights: got 3 values, expected one value for each of the dimensions [0, 1]",
        ),
        ("optimizer.lr=fast", "optimizer.lr: got 'fast', expected a number greater than 0"),
        ("optimizer.lr=.nan", "optimizer.lr: got nan, expected a number greater than 0"),
        ("optimizer.betas=[0.9,1]", "optimizer.betas[1]: got 1, expected a number of at least 0 and less than 1"),
        ("device=tpu", "device: got 'tpu', expected auto, cpu, cuda or cuda:NUMBER"),
        ("device=cuda:007", "device: got 'cuda:007', expected auto, cpu, cuda or cuda:NUMBER"),
        ("precision=half", "precision: got 'half', expected one of 'float32', 'bfloat16', 'float16'"),
        ("accumulate=0", "accumulate: got 0, expected an integer from 1 to 4096"),
        ("ema=1.0", "ema: got 1.0, expected a number greater than 0 and less than 1 or null"),
        ("optimizer.clip_norm=0", "optimizer.clip_norm: got 0, expected a number greater than 0 or null"),
        ("early_stopping={patience: 0}", "early_stopping.patience: got 0, expected an integer from 1 to 1000000"),
        ("trackers=[comet]", "trackers[0]: got 'comet', expected one of 'tensorboard', 'wandb', 'mlflow'"),
        ("data.split={folds: 1}", "data.split.folds: got 1, expected an integer from 2 to 1000 or null"),
        ("data.split={folds: 5, fold: 5}", "data.split.fold: got 5, expected a number from 0 to 4"),
        ("data.split={fold: 1}", "data.split.fold: got 1, expected no value without folds"),
        (
            "data.split={folds: 5, fraction: 0.2}",
            "data.split.fraction: got a value beside folds, expected at most one of them",
        ),
        (
            "validation.best=loss",
            "validation.best: got 'loss', expected one of 'dice', 'betti_error', 'repaired_dice', "
            "'repaired_betti_error'",
        ),
        ("data=3", "data: got 3, expected a mapping"),
        ("data.split=3", "data.split: got 3, expected a mapping or null"),
        ("data.split.group=(", "data.split.group: got '(', expected a regular expression or null"),
        (
            "data.train=null",
            "data.train: got no value, expected folders of images and labels, or one of the keys dataset "
            "(a dataset.json) and table (a CSV file)",
        ),
        ("data.table=a.csv", "data.table: got a path beside train, expected either table or train"),
        ("data.classes=1", "data.classes: got 1, expected an integer from 2 to 255 or null"),
        (
            "data={train: {images: a, labels: b}, classes: 3, ignore_label: 2, normalization: {name: ZScore}}",
            "data.ignore_label: got 2, expected a label that is neither the background nor a class",
        ),
        (
            "data.class_names=[artery, vein]",
            "data.class_names: got 2 names, expected 1: one for each class except the background",
        ),
        ("data.channels=[]", "data.channels: got [], expected a non-empty list of integers from 0 to 1000000 or null"),
        ("data.train.images=3", f"data.train.images: got 3, expected {PATH}"),
        (
            "transforms=[{name: RandRotate90}]",
            "transforms[0].axes: got [0, 1], expected two axes of equal length in patch_size [16, 12]",
        ),
        ("transforms=[{name: RandFlip, axes: [2]}]", "transforms[0].axes: got [2], expected axes from 0 to 1"),
        (
            "transforms=[{name: RandZoom, zoom: [2, 1]}]",
            "transforms[0].zoom: got [2, 1], expected [low, high] with 0.1 <= low <= high <= 10",
        ),
        ("transforms.0.prob=1.5", "transforms[0].prob: got 1.5, expected a number from 0 to 1"),
    ],
)
def test_a_wrong_value_is_named_with_its_key(path: Path, override: str, problem: str) -> None:
    where, found = message(path, override).split(": " + problem.partition(": ")[0], maxsplit=1)
    assert problem.partition(": ")[0] + found == problem
    assert where.startswith(f"{path}, override ")


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("epochs", "override 'epochs': got no key or no value, expected key.path=value, as optimizer.lr=1e-3"),
        ("base=other.yaml", "override 'base=other.yaml': got base, expected another key: base stands in the config"),
        ("transforms.9.prob=1", "override 'transforms.9.prob=1': got item '9', expected a number from 0 to 2"),
        (f"transforms.{'9' * 5000}.prob=1", "expected a number from 0 to 2"),
        ("epochs.x=1", "override 'epochs.x=1': 'epochs': got 3, expected a mapping or a list"),
        ("out=!!python/object/apply:os.system [exit]", "python/object/apply:os.system', expected plain data"),
    ],
)
def test_an_override_that_cannot_be_applied_is_refused(path: Path, override: str, problem: str) -> None:
    assert problem in message(path, override)


@pytest.mark.parametrize(
    "override", [f"epochs=1{'0' * 400}", f"seed=-1{'0' * 4000}", f"out={'a' * 300}", f"out={'a/' * 600}"]
)
def test_a_very_long_value_is_refused_in_a_short_message(path: Path, override: str) -> None:
    text = message(path, override)
    assert text.startswith(f"{path}, override ")
    assert len(text) < len(str(path)) + 300


def test_a_zoom_must_leave_a_voxel_of_the_patch(path: Path) -> None:
    text = message(path, "patch_size=[16,8]", "transforms=[{name: RandZoom, zoom: [0.1, 1]}]")
    assert text.endswith("transforms[0].zoom: got [0.1, 1.0], expected at least one voxel of a patch of [16, 8]")


def test_an_unknown_key_is_named_before_the_key_that_is_missing(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, tmp_path / "out")
    config["batchsize"] = config.pop("batch_size")
    path = write_config(tmp_path / "c.yaml", config)
    assert message(path) == f"{path}: got unknown key 'batchsize', expected batch_size"


def test_the_source_of_a_mistake_is_named(path: Path) -> None:
    assert message(path, "seed=1", "epochs=0").startswith(f"{path}, override 'epochs=0': epochs:")
    path.write_text(path.read_text(encoding="utf-8").replace("epochs: 3", "epochs: 0"), encoding="utf-8")
    assert message(path, "seed=1").startswith(f"{path}: epochs:")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("!!python/object/apply:os.system ['exit 3']", ["line 1", "tag", "never code"]),
        ("out: !!python/name:os.system", ["line 1", "tag", "never code"]),
        ("out: {_target_: os.system}\nout: b", ["line 2", "the key 'out' twice"]),
        ("a: &anchor [1]\nb: *anchor", ["line 2", "got an alias"]),
        ("1: 2", ["got the key 1", "expected a name"]),
        ("a: [1", ["line 1"]),
        ("a: \0", ["got the character '\\x00'"]),
        ("", ["got null, expected a mapping"]),
        ("- 1", ["got [1], expected a mapping"]),
        ("out: !!set {a}", ["line 1, column 6: got the tag", "plain data"]),
        ("out: !!binary aGVsbG8=", ["got the tag", "plain data"]),
        ("out: !!timestamp x", ["got the tag", "plain data"]),
        ("validation: {repair: !!bool maybe}", ["a tag with a value of another type"]),
        ("epochs: !!int many", ["line 1, column 9: got an integer that is too long, or none"]),
        (f"epochs: 0x{'f' * 9000}", ["got an integer that is too long"]),
        (f"epochs: {'9' * 9000}", ["got an integer that is too long"]),
        ('out: "\\ud800"', ["line 1, column 6: got '\\ud800', expected Unicode text"]),
        ("[" * 200 + "]" * 200, ["got more levels, expected at most 50"]),
        ("[" * 200_000, ["got more levels, expected at most 50"]),
        ("!!merge <<: {epochs: 3}", ["got the tag"]),
    ],
)
def test_a_file_that_is_no_config_is_refused(tmp_path: Path, text: str, parts: list[str]) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    found = message(path)
    assert found.startswith(str(path))
    assert all(part in found for part in parts), found


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    assert "No such file" in message(tmp_path / "missing.yaml")
    assert "directory" in message(tmp_path)
    (tmp_path / "latin.yaml").write_bytes("out: é".encode("latin-1"))
    assert "bytes that are not UTF-8" in message(tmp_path / "latin.yaml")


def test_a_bundle_expression_is_a_string(path: Path) -> None:
    assert load_config(path, ['out=\'$__import__("os").system("exit")\'']).out.name.startswith("$__import__")


@pytest.mark.parametrize("missing", ["out", "data", "network", "loss", "patch_size", "epochs"])
def test_a_missing_key_is_named(tmp_path: Path, missing: str) -> None:
    config = tiny_config(tmp_path, tmp_path / "out")
    del config[missing]
    assert f": {missing}: got no value, expected " in message(write_config(tmp_path / "c.yaml", config))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("-2.5E+2", -250.0),
        ("1.e2", 100.0),
        (".5e1", 5.0),
        ("2026-01-01", "2026-01-01"),
        ("e3", "e3"),
        ("=", "="),
        ("<<", "<<"),
    ],
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
            "network={name: DynUNet, channels: [4, 8, 8]}",
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
    again.write_text(yaml.safe_dump(config.model_dump(mode="json")), encoding="utf-8")
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
        (r'base: "a\0b"', ["cannot be read"]),
        ("base: 3", ["base: got 3", "path of a config"]),
        ("base: derived.yaml", ["base: got 'derived.yaml'", "does not build upon this one"]),
    ],
)
def test_a_wrong_base_is_named(path: Path, text: str, parts: list[str]) -> None:
    found = message(write_derived(path, text))
    for part in parts:
        assert part in found
