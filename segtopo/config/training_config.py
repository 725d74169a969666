"""The config of a training: a YAML file and overrides in, a typed and frozen :class:`TrainingConfig` out.

Paths in a config are relative to the current directory, as paths on the command line are. Only ``base``, the config
that this one builds upon, is relative to the config itself.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from segtopo.config.losses import LossConfig
from segtopo.config.networks import Network
from segtopo.config.optimizers import OptimizerConfig, Schedule
from segtopo.config.preprocessing import Normalization
from segtopo.config.section import NonNegativeInt, PositiveInt, Probability, Section
from segtopo.config.transforms import RandRotate90, Transform
from segtopo.config.yaml_reading import read_yaml
from segtopo.errors import InputError

if TYPE_CHECKING:
    from typing_extensions import Self

DEVICE_PATTERN = r"^(auto|cpu|cuda(:\d+)?)$"

#: Pydantic's words in those of YAML.
EXPECTATIONS = {
    "Input should be": "expected",
    "should have": "expected to have",
    "a valid array": "a list",
    "a valid tuple": "a list",
    "an object": "a mapping",
    "a valid ": "a ",
    "a integer": "an integer",
}


class Folders(Section):
    """Images and labels that belong together by name: ``case.jpg`` and ``case.png``."""

    images: Path
    labels: Path


class Split(Section):
    r"""Sets a part of the training cases aside for validation.

    ``group`` is a regular expression; the cases for which it finds the same (its first group, if it has one) stay
    together: ``'Image_(\d+)'`` keeps both eyes of a child on one side. ``seed`` is the split's own, so that a
    fine-tuning with another training seed validates on the same cases.
    """

    fraction: Annotated[float, Field(gt=0, lt=1)] = 0.2
    group: str | None = None
    seed: NonNegativeInt = 0


class DataConfig(Section):
    """Where the cases are and how they are read."""

    train: Folders | None = None
    dataset: Path | None = None
    validation: Folders | None = None
    split: Split | None = None
    classes: Annotated[int, Field(ge=2)] = 2
    label: int | None = None
    channels: Annotated[tuple[NonNegativeInt, ...], Field(min_length=1)] | None = None
    normalization: Normalization

    @model_validator(mode="after")
    def _check_sources(self) -> Self:
        if (self.train is None) == (self.dataset is None):
            raise ValueError("expected either train (folders images and labels) or dataset (an MSD dataset.json)")
        if self.validation is not None and self.split is not None:
            raise ValueError("received validation and split, expected at most one of them")
        if self.label is not None and self.classes != 2:
            raise ValueError(f"received label {self.label} with {self.classes} classes, expected classes: 2 with label")
        return self


class ValidationConfig(Section):
    """Sliding windows over the whole validation images, every ``interval`` epochs and after the last."""

    interval: PositiveInt = 1
    overlap: Annotated[float, Field(ge=0, lt=1)] = 0.25
    best: Literal["dice", "betti_error"] = "dice"


class TrainingConfig(Section):
    """Everything that decides a training."""

    out: Path
    data: DataConfig
    transforms: tuple[Transform, ...] = ()
    network: Network
    loss: LossConfig
    optimizer: OptimizerConfig
    schedule: Schedule
    patch_size: Annotated[tuple[PositiveInt, ...], Field(min_length=2, max_length=3)]
    foreground_fraction: Probability = 0.5
    batch_size: PositiveInt
    epochs: PositiveInt
    iterations_per_epoch: PositiveInt
    validation: ValidationConfig = ValidationConfig()
    seed: NonNegativeInt = 0
    device: Annotated[str, Field(pattern=DEVICE_PATTERN)] = "auto"
    amp: bool = False
    workers: NonNegativeInt = 0
    initialize_from: Path | None = None

    @property
    def dimensions(self) -> int:
        """2 or 3: the number of axes of a patch."""
        return len(self.patch_size)

    @model_validator(mode="after")
    def _check_patch_size(self) -> Self:
        patch, factors = self.patch_size, self.network.reduction(self.dimensions)
        if any(size % factor for size, factor in zip(patch, factors, strict=True)):
            raise ValueError(
                f"patch_size: received {list(patch)}, expected multiples of {list(factors)} "
                f"(the strides of network {self.network.name} multiplied)"
            )
        if all(size == factor for size, factor in zip(patch, factors, strict=True)):
            raise ValueError(
                f"patch_size: received {list(patch)}, expected more than {list(factors)}: network "
                f"{self.network.name} leaves a single voxel at its deepest level"
            )
        return self

    @model_validator(mode="after")
    def _check_transforms(self) -> Self:
        for index, transform in enumerate(self.transforms):
            axes = getattr(transform, "axes", None) or ()
            if any(axis >= self.dimensions for axis in axes):
                raise ValueError(
                    f"transforms[{index}].axes: received {list(axes)}, expected axes from 0 to {self.dimensions - 1}"
                )
            if isinstance(transform, RandRotate90) and len({self.patch_size[axis] for axis in axes}) > 1:
                raise ValueError(
                    f"transforms[{index}].axes: received {list(axes)}, expected axes of equal length in patch_size "
                    f"{list(self.patch_size)}: a quarter turn must keep the patch's shape"
                )
        return self

    @model_validator(mode="after")
    def _check_device(self) -> Self:
        if self.amp and self.device == "cpu":
            raise ValueError("amp: received true with device cpu, expected false: mixed precision needs CUDA")
        return self


def load_config(path: Path, overrides: Sequence[str] = ()) -> TrainingConfig:
    """Reads and checks a config file.

    Args:
        path: A YAML file. With ``base: other.yaml`` it holds only what differs from the other: sections are merged,
            other values replaced.
        overrides: Values that replace those of the file, as ``key.path=value``; list items by number
            (``transforms.0.prob=0.2``), values in YAML (``patch_size=[64,48]``).

    Returns:
        The checked config, frozen.

    Raises:
        InputError: What is wrong, with the key path, what was received and what is allowed, in one line.
    """
    data = _read_data(path)
    for override in overrides:
        _apply_override(data, override)
    return parse_config(data, str(path), overrides)


def _read_data(path: Path, derived: Sequence[Path] = ()) -> dict[str, Any]:
    """The data of a config file over those of its ``base``; ``derived`` are the files that have it as theirs."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise InputError(f"{path}: cannot be read as a config: {reason}; expected a YAML file") from None
    data = read_yaml(text, str(path))
    if not isinstance(data, dict):
        raise InputError(f"{path}: received {_show(data)}, expected a mapping of keys to values")
    if "base" not in data:
        return data
    base = data.pop("base")
    if not isinstance(base, str):
        raise InputError(f"{path}: base: received {_show(base)}, expected the path of a config, relative to this one")
    if path.resolve() in derived:
        raise InputError(f"{path}: base: received {base!r}, which has this config as its own base")
    return _merge(_read_data(path.parent / base, (*derived, path.resolve())), data)


def _merge(base: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    """Merges sections key by key; a section that names something else, and any other value, replaces the base's."""
    merged = dict(base)
    for key, value in data.items():
        old = base.get(key)
        if isinstance(old, dict) and isinstance(value, dict) and value.get("name", old.get("name")) == old.get("name"):
            merged[key] = _merge(old, value)
        else:
            merged[key] = value
    return merged


def parse_config(data: Any, source: str, overrides: Sequence[str] = ()) -> TrainingConfig:
    """The config in plain data, as it stands in YAML or in a checkpoint; InputError names ``source``."""
    try:
        # In pydantic's strict mode it is JSON input whose strings may become paths and whose lists tuples.
        return TrainingConfig.model_validate_json(json.dumps(data))
    except ValidationError as error:
        raise InputError(_describe(error.errors(include_url=False)[0], data, source, overrides)) from None


def _apply_override(data: dict[str, Any], override: str) -> None:
    key_path, separator, text = override.partition("=")
    if not separator or not all(key_path.split(".")):
        raise InputError(f"override {override!r}: expected key.path=value, for example optimizer.lr=1e-3")
    *parents, last = key_path.split(".")
    node: Any = data
    for key in parents:
        node = node[_index(node, key, override)] if isinstance(node, list) else node.setdefault(key, {})
        if not isinstance(node, dict | list):
            raise InputError(f"override {override!r}: {key!r} holds {_show(node)}, expected a mapping or a list")
    node[_index(node, last, override) if isinstance(node, list) else last] = read_yaml(text, f"override {override!r}")


def _index(items: list[Any], key: str, override: str) -> int:
    if not key.isdecimal() or int(key) >= len(items):
        raise InputError(f"override {override!r}: received item {key!r}, expected a number from 0 to {len(items) - 1}")
    return int(key)


def _describe(error: ErrorDetails, data: Any, source: str, overrides: Sequence[str]) -> str:
    keys = _keys_in(data, error["loc"])
    context = error.get("ctx", {})
    expected = error["msg"].removeprefix("Value error, ")
    received = f"received {_show(error['input'])}, "
    match error["type"]:
        case "missing":
            keys, received, expected = [*keys, error["loc"][-1]], "", "missing, expected a value"
        case "extra_forbidden":
            received, expected = "unknown key, ", f"expected one of {', '.join(_keys_allowed(error['loc'][:-1]))}"
        case "union_tag_not_found":
            keys, received, expected = [*keys, "name"], "", "missing, expected the name of what to use"
        case "union_tag_invalid":
            keys, received = [*keys, "name"], f"received {context['tag']!r}, "
            expected = f"expected one of {context['expected_tags']}"
        case "string_pattern_mismatch":
            expected = f"expected a string like {context['pattern']}"
        case "value_error":
            received = ""
        case _:
            for words in EXPECTATIONS.items():
                expected = expected.replace(*words)
    path = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).lstrip(".")
    dotted = "".join(f"{key}." for key in keys)
    blamed = [text for text in overrides if dotted.startswith(text.partition("=")[0] + ".")]
    where = f"{source}, override {blamed[-1]!r}" if blamed else source
    return f"{where}: {path}: {received}{expected}" if path else f"{where}: {expected}"


def _keys_in(data: Any, location: Sequence[str | int]) -> list[str | int]:
    """The part of pydantic's location that is keys of the data; the rest are tags of unions."""
    keys: list[str | int] = []
    for key in location:
        if (isinstance(data, dict) and key in data) or (isinstance(data, list) and isinstance(key, int)):
            data = data[key]  # type: ignore[index]
            keys.append(key)
    return keys


def _keys_allowed(location: Sequence[str | int]) -> list[str]:
    """The keys of the section at pydantic's location, found in the JSON schema."""
    schema = TrainingConfig.model_json_schema()
    node = schema
    for step in (*location, None):
        node = next((option for option in node.get("anyOf", []) if "$ref" in option), node)
        if isinstance(step, int):
            node = node["items"]
        elif step in node.get("discriminator", {}).get("mapping", {}):
            node = {"$ref": node["discriminator"]["mapping"][step]}
        elif step is not None:
            node = node["properties"][step]
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rpartition("/")[2]]
    return list(node["properties"])


def _show(value: Any) -> str:
    text = repr(value)
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({type(value).__name__})"
