"""Any value under any key of a config is accepted, or refused in one line of our own words; nothing else is raised."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydantic
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from oracles.tiny_training import tiny_config, write_config
from segtopo.config import TrainingConfig, load_config
from segtopo.config.error_messages import PROBLEMS, error_message
from segtopo.config.loading import parse_config
from segtopo.config.losses import TOPOLOGY_SECTIONS
from segtopo.config.yaml_reading import read_yaml
from segtopo.errors import InputError

NESTED: Any = 0
for _ in range(40):
    NESTED = [NESTED]

ODD: list[Any] = [
    *(None, True, False, -1, 0, 1, 2, 3, 7, 255, 10**6, 2**31, 2**63, 2**64, 10**400, -(10**400)),
    *(0.5, 1.5, -0.0, 1e308, -1e308, 5e-324, float("nan"), float("inf"), float("-inf")),
    *("", " ", "x", "3", "a" * 300, "a/" * 600, "\0", "a\nb", "é" * 200, "(", "a{99999999999}", "cuda:99", "cpu\n"),
    *([], [None], [1], [1, 1], [0, 1], [0.5, 0.5], [16, 8], [2] * 50, ["x", "y"], [[]], [[1, 2], [3]], [[[]]], NESTED),
    *({}, {"name": "x"}, {"name": None}, {"name": 3}, {"name": ["x"]}, {"": 1}, {"a\nb": {}}, {"name": "UNet", "x": 1}),
]

TOPOLOGIES = sorted(TOPOLOGY_SECTIONS)
TRANSFORMS = (
    "RandFlip",
    "RandAffine",
    "RandZoom",
    "RandGaussianSmooth",
    "RandAdjustContrast",
    "RandShiftIntensity",
    "RandBreakVessels",
    "RandGridDistortion",
    "RandSimulateLowResolution",
)


def complete_configs() -> list[dict[str, Any]]:
    """Configs with every kind of section, in which every key has a value."""
    plain = tiny_config(Path("data"), Path("out"))
    plain["network"] = {**plain["network"], "strides": [[2, 2]]}
    plain["transforms"] = [{"name": name} for name in TRANSFORMS]
    plain["data"] = {**plain["data"], "channels": [0], "normalization": {"name": "Percentiles"}}
    variants = [
        {"network": {"name": "SegResNet", "blocks_down": [1, 1], "blocks_up": [1]}},
        {"network": {"name": "DynUNet", "channels": [4, 8, 8], "kernel_size": [3, 3]}},
        {"network": {"name": "AttentionUnet", "channels": [4, 8]}},
        {
            "network": {
                "name": "ResidualEncoderUNet",
                "channels": [4, 8],
                "kernel_size": [[1, 3], [3, 3]],
                "blocks": [1, 1],
            }
        },
        {"network": {"name": "SegResNetDS", "blocks_down": [1, 1], "blocks_up": [1], "resolution": [1.0, 1.0]}},
        {"network": {"name": "SwinUNETR"}, "patch_size": [64, 32]},
        {"optimizer": {"name": "SGD"}, "schedule": {"name": "Poly"}},
        {"patch_size": [16, 16], "transforms": [{"name": "RandRotate90"}]},
        *({"loss": {"name": "CombinedTopologyLoss", "topology_loss": {"name": name}}} for name in TOPOLOGIES),
    ]
    configs = [plain, *({**plain, **variant} for variant in variants)]
    return [parse_config(config, "test").model_dump(mode="json") for config in configs]


def key_paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """All keys and items, from the root down."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from key_paths(item, (*path, key))


def changed(config: dict[str, Any], path: tuple[str | int, ...], value: Any) -> Any:
    """The config with another value; ``KeyError`` as the value removes the key."""
    if not path:
        return value
    result = copy.deepcopy(config)
    node: Any = result
    for key in path[:-1]:
        node = node[key]
    if value is KeyError:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return result


CONFIGS = complete_configs()
#: Every key once: of the config that all others share, and of the sections that differ from it.
PATHS = [
    (config, path)
    for config in CONFIGS
    for path in key_paths(config)
    if config is CONFIGS[0] or (path and config[str(path[0])] != CONFIGS[0][str(path[0])])
]


def check(config: Any) -> str | None:
    """The message about a config, None if it is accepted."""
    try:
        parsed = parse_config(config, "test")
    except InputError as error:
        text = str(error)
        assert re.fullmatch(r"test: (\S+: )?got .+, expected .+", text), text
        assert len(text) < 700
        return text
    assert parse_config(parsed.model_dump(mode="json"), "test") == parsed
    assert parsed.dimensions in (2, 3)
    return None


@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:20])
def test_every_key_takes_or_refuses_an_odd_value(value: Any) -> None:
    for config, path in PATHS:
        check(changed(config, path, value))


def test_every_key_can_be_left_out_or_is_named() -> None:
    for config, path in PATHS[1:]:
        if path and isinstance(path[-1], str):
            text = check(changed(config, path, KeyError))
            assert text is None or "got no value" in text or path[-1] in ("channels", "blocks_down", "blocks_up"), text


def test_no_message_has_words_of_pydantic() -> None:
    seen = set()
    for config, path in PATHS:
        for value in (*ODD, KeyError):
            if path or value is not KeyError:
                data = changed(config, path, value)
                try:
                    TrainingConfig.model_validate_json(json.dumps(data))
                except pydantic.ValidationError as caught:
                    errors = caught.errors()
                    seen |= {error["type"] for error in errors}
                    text = check(data) or ""
                    assert not [error["msg"] for error in errors if error["msg"] in text]
                    assert "Input should" not in text
    special = set(PROBLEMS) - {"json_invalid"}  # text that is no JSON, which no YAML file gives
    assert special < seen
    types = {"int_type", "float_type", "bool_type", "string_type", "tuple_type"}
    limits = {"less_than", "less_than_equal", "greater_than", "greater_than_equal", "finite_number", "multiple_of"}
    assert types | limits | {"too_short", "too_long", "literal_error", "string_pattern_mismatch"} <= seen


def test_an_error_of_an_unknown_type_is_described_by_the_type_of_its_key() -> None:
    error: Any = {"type": "introduced_later", "loc": ("epochs",), "input": 0, "msg": "Prose of pydantic"}
    expected = "c.yaml: epochs: got 0, expected an integer from 1 to 1000000"
    assert error_message([error], TrainingConfig, "c.yaml", ()) == expected
    error = {"type": "value_error", "loc": ("data",), "input": {}, "ctx": {"error": ValueError("other data")}}
    assert error_message([error], TrainingConfig, "c.yaml", ()) == "c.yaml: data: got {}, expected other data"


def test_data_that_no_yaml_file_gives_are_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    for value in (object(), {1, 2}, b"x", endless, "\ud800", 10**5000):
        assert check({**CONFIGS[0], "out": value}) is not None
    assert check({**CONFIGS[0], "\ud800": 1}) is not None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.sampled_from(ODD[:38]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(PATHS), VALUES)
@settings(max_examples=300, deadline=None)
def test_every_key_takes_or_refuses_any_value(place: tuple[dict[str, Any], tuple[str | int, ...]], value: Any) -> None:
    check(changed(*place, value))


@given(st.text(alphabet=st.characters() | st.sampled_from("!!&*:-[]{}#|>%@`\"'\\<=?,\n ~019.eExX"), max_size=30))
@settings(max_examples=500, deadline=None)
def test_any_text_is_plain_data_or_no_yaml(text: str) -> None:
    try:
        data = read_yaml(text, "test")
    except InputError as error:
        problem = str(error)
    else:
        problem = "test" if json.dumps(data) else ""
    assert problem.startswith("test")
    assert len(problem.splitlines()) == 1


@given(st.text(max_size=12), st.text(max_size=12))
@settings(max_examples=100, deadline=None)
def test_any_override_is_applied_or_refused(tmp_path_factory: pytest.TempPathFactory, key: str, value: str) -> None:
    path = write_config(tmp_path_factory.getbasetemp() / "fuzz.yaml", CONFIGS[0])
    for override in (f"{key}={value}", f"network.{key}={value}", f"transforms.{key}={value}", key):
        with pytest.raises(InputError) as caught:
            load_config(path, [override])
        assert len(str(caught.value).splitlines()) == 1


def test_a_config_in_a_file_is_refused_like_the_same_data(tmp_path: Path) -> None:
    for value in (0, -1, "x", [], {"a": 1}, 1e308):
        config = {**CONFIGS[0], "epochs": value}
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        with pytest.raises(InputError) as caught:
            load_config(path)
        assert str(caught.value).removeprefix(str(path)) == str(check(config)).removeprefix("test")
