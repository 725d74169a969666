"""Reads a config: a YAML file, its base and overrides in, a checked :class:`TrainingConfig` out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from segtopo.config.dataset_defaults import add_dataset_defaults
from segtopo.config.error_messages import error_message, show
from segtopo.config.training_config import TrainingConfig
from segtopo.config.yaml_reading import read_yaml
from segtopo.errors import InputError, mismatch


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> TrainingConfig:
    """Reads and checks a config file.

    Args:
        path: A YAML file. With ``base: other.yaml`` it holds only the values that differ from the other file: sections
            are merged, other values replaced. The path of the base is relative to the file.
        overrides: Values that replace those of the file, as ``key.path=value``; list items by number
            (``transforms.0.prob=0.2``), values in YAML (``patch_size=[64,48]``).

    Returns:
        The checked config, frozen.

    Raises:
        InputError: Names the file or override, the key, the value and the values allowed, in one line.

    Example:
        >>> load_config("configs/vessels2d.yaml", ["epochs=2", "network.norm=instance"]).epochs
        2
        >>> load_config("configs/vessels2d.yaml", ["epochs=0"])
        Traceback (most recent call last):
        segtopo.errors.InputError: configs/vessels2d.yaml, override 'epochs=0': epochs: got 0, expected an integer ...
    """
    path = Path(path)
    data = _read_data(path)
    for override in overrides:
        _apply_override(data, override)
    add_dataset_defaults(data)
    return parse_config(data, str(path), overrides)


def parse_config(data: Any, source: str, overrides: Sequence[str] = ()) -> TrainingConfig:
    """Checks a config that is given as plain data, as YAML files and checkpoints hold it.

    Raises:
        InputError: Names ``source``, the key, the value and the values allowed, in one line.
    """
    try:
        text = json.dumps(data)
    except (TypeError, ValueError, RecursionError):
        raise InputError(mismatch(source, got="objects in a config", expected="numbers, strings and lists")) from None
    try:
        # In strict mode only JSON may have strings for paths and lists for tuples.
        return TrainingConfig.model_validate_json(text)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        raise InputError(error_message(errors, TrainingConfig, source, overrides)) from None


def _read_data(path: Path, derived: Sequence[Path] = ()) -> dict[str, Any]:
    """Reads a config file and its base, without checks; ``derived`` are the files that build upon this one."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(mismatch(path, got="bytes that are not UTF-8", expected="a YAML file")) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{path}: cannot be read as a config: {reason}; expected a YAML file") from None
    data = read_yaml(text, str(path))
    if not isinstance(data, dict):
        raise InputError(mismatch(path, got=show(data), expected="a mapping of keys to values"))
    if "base" not in data:
        return data
    base = data.pop("base")
    if not isinstance(base, str):
        expected = "the path of a config, relative to this one"
        raise InputError(mismatch(f"{path}: base", got=show(base), expected=expected))
    if path.resolve() in derived:
        expected = "a config that does not build upon this one"
        raise InputError(mismatch(f"{path}: base", got=show(base), expected=expected))
    return _merge(_read_data(path.parent / base, (*derived, path.resolve())), data)


def _merge(base: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    """Merges sections key by key; a section of another name, and any other value, replaces the base's."""
    merged = dict(base)
    for key, value in data.items():
        old = base.get(key)
        if isinstance(old, dict) and isinstance(value, dict) and value.get("name", old.get("name")) == old.get("name"):
            merged[key] = _merge(old, value)
        else:
            merged[key] = value
    return merged


def _apply_override(data: dict[str, Any], override: str) -> None:
    source = f"override {show(override)}"
    key_path, separator, text = override.partition("=")
    if not separator or not all(key_path.split(".")):
        raise InputError(mismatch(source, got="no key or no value", expected="key.path=value, as optimizer.lr=1e-3"))
    if key_path == "base":
        raise InputError(mismatch(source, got="base", expected="another key: base stands in the config file only"))
    *parents, last = key_path.split(".")
    node: Any = data
    for key in parents:
        node = node[_index(node, key, source)] if isinstance(node, list) else node.setdefault(key, {})
        if not isinstance(node, dict | list):
            expected = "a mapping or a list"
            raise InputError(mismatch(f"{source}: {show(key)}", got=show(node), expected=expected))
    node[_index(node, last, source) if isinstance(node, list) else last] = read_yaml(text, source)


def _index(items: list[Any], key: str, source: str) -> int:
    # The length is checked first, because Python refuses to convert very long numbers.
    if not key.isdecimal() or len(key) > len(str(len(items))) or int(key) >= len(items):
        expected = f"a number from 0 to {len(items) - 1}" if items else "a list with items"
        raise InputError(mismatch(source, got=f"item {show(key)}", expected=expected))
    return int(key)
