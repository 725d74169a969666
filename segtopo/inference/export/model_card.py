"""MODEL_CARD.md: the data, the training and the figures of a network, and for what it may be used."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import yaml

from segtopo.config.data import DataConfig
from segtopo.inference.export.exported_model import ExportedModel

PACKAGES = ("segtopo", "torch", "monai", "numpy")
#: How the scores of metrics.csv are written.
DIGITS = 4


def model_card(model: ExportedModel) -> str:
    """Returns the text of a model card, after Mitchell et al., "Model Cards for Model Reporting" (2019)."""
    config, checkpoint = model.config, model.checkpoint
    content = config.model_dump(mode="json")
    parameters = sum(weight.numel() for weight in model.network.parameters())
    return f"""# Model card: {config.network.name}, {_structures(config.data)}, {config.dimensions}D

{config.network.name} with {parameters:,} weights, trained by segtopo for {checkpoint.iteration} iterations of
{config.batch_size} patches of {_size(config.patch_size)} voxels. File: `{model.path.name}`.

## Intended use

Segmentation of images like those of the training, for research. It is no medical device and not for diagnosis.

* Input: {checkpoint.in_channels} channels, normalized by {_mapping(content["data"]["normalization"])}.
* Spacing of the voxels: {_mapping(content["data"]["spacing"])} ("native": that of each image, in mm).
* Output: {_output(config.data)}

## Data

{_lines(content["data"])}

## Figures of validation

{_figures(checkpoint.history)}

{_rules(checkpoint.repair_rules, config.data.output_channels.names)}

## Limits

* The figures come from the validation cases of one training, by which the weights were also chosen. No test on other
  data is recorded here.
* Images of other devices, protocols, resolutions or patients may give worse results, without a warning.
* A correct topology on the validation cases is no guarantee for a single case. Look at the edits of a repair.

## Versions

Exported with {", ".join(f"{name} {version(name)}" for name in PACKAGES)}, Python {sys.version.split()[0]}.

## Config

```yaml
{yaml.safe_dump(content, sort_keys=False).strip()}
```
"""


def _structures(data: DataConfig) -> str:
    return f"{data.classes} classes" if data.regions is None else f"{len(data.regions)} regions"


def _output(data: DataConfig) -> str:
    names = ", ".join(data.output_channels.names)
    if data.regions is None:
        return f"one channel of logits for each of {data.classes} classes: background, {names}."
    return f"one channel of logits for each region, with a sigmoid: {names}. Regions may overlap."


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _mapping(value: Any) -> str:
    return ", ".join(f"{key} {item}" for key, item in value.items()) if isinstance(value, dict) else str(value)


def _lines(data: dict[str, Any]) -> str:
    return "\n".join(f"* {key}: {_mapping(value)}" for key, value in data.items() if value is not None)


def _figures(history: list[dict[str, Any]]) -> str:
    rows = [row for row in history if any(key.startswith("val_") for key in row)]
    if not rows:
        return "The training had no validation cases."
    columns = [key for key in rows[-1] if key.startswith("val_")]
    lines = [f"After epoch {rows[-1]['epoch']}:", "", "| score | value |", "|---|---|"]
    return "\n".join([*lines, *(f"| {key.removeprefix('val_')} | {rows[-1][key]:.{DIGITS}g} |" for key in columns)])


def _rules(rules: list[dict[str, Any]], names: Sequence[str]) -> str:
    if not rules:
        return "The training has calibrated no repair."
    listed = (f"* {name}: {_mapping(own)}" for name, own in zip(names, rules, strict=True))
    return "\n".join(["Rules of a repair, calibrated on the validation cases:", "", *listed])
