"""The losses that a config can name: each builds its module, with the options given."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from oracles.tiny_training import tiny_config, write_config
from segtopo import losses
from segtopo.config import load_config
from segtopo.config.losses import TOPOLOGY_SECTIONS
from segtopo.errors import InputError
from segtopo.losses.channel_options import option_types
from segtopo.losses.options import fits

# For every option the first of these that it takes and that is not its default.
VALUES: list[Any] = [
    *("V", "extremes", "bottleneck", False, True, 0.25, 1, 1.5, [1, 0], [2.0, 0.5]),
    *([[], [[1.0, 0.0]]], [{"classes": [1], "betti_numbers": [0, 1]}]),
]


def changed_options(name: str) -> dict[str, Any]:
    """A value other than the default for every option of a topological loss in a config."""
    loss = getattr(losses, name)
    default, types = loss(), option_types(loss)
    keys = TOPOLOGY_SECTIONS[name].model_fields.keys() - {"name"}
    chosen = {
        key: next(value for value in VALUES if fits(value, types[key], bounds=True) and value != getattr(default, key))
        for key in sorted(keys)
    }
    # YAML would write one list for two options as an alias.
    return {key: copy.deepcopy(value) for key, value in chosen.items()}


def built(tmp_path: Path, topology: dict[str, Any]) -> losses.CombinedTopologyLoss:
    """The loss of a config with this topology, read from a file."""
    config = {
        **tiny_config(tmp_path, tmp_path / "out"),
        "loss": {"name": "CombinedTopologyLoss", "topology_loss": topology},
    }
    return load_config(write_config(tmp_path / "config.yaml", config)).loss.build()


def plain(value: Any) -> Any:
    """Tuples and tensors as lists, all the way down."""
    if isinstance(value, torch.Tensor):
        return value.tolist()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def test_every_loss_of_channels_can_be_the_topology() -> None:
    whole = {"CombinedTopologyLoss", "DeepSupervisionLoss"}
    assert set(TOPOLOGY_SECTIONS) == {name for name in losses.__all__ if "Loss" in name} - whole


@pytest.mark.parametrize("name", TOPOLOGY_SECTIONS)
def test_options_reach_the_module(tmp_path: Path, name: str) -> None:
    options = changed_options(name)
    given, default = (built(tmp_path, {"name": name, **chosen}).topology_loss for chosen in (options, {}))
    assert type(given) is type(default) is getattr(losses, name)
    assert (given.to_onehot_y, given.softmax) == (True, True)
    for option, value in options.items():
        assert plain(getattr(given, option)) == plain(value)
        assert plain(getattr(default, option)) != plain(value)


@pytest.mark.parametrize("name", TOPOLOGY_SECTIONS)
def test_it_trains_on_logits_and_labels(tmp_path: Path, name: str) -> None:
    loss = built(tmp_path, {"name": name, **changed_options(name)})
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 2, 14, 19, generator=generator).requires_grad_()
    loss(logits, torch.randint(0, 2, (2, 1, 14, 19), generator=generator)).backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert "topology" in loss.components


@pytest.mark.parametrize(
    ("weight", "other"), [("gradient_ratio", "lambda_topology"), ("lambda_topology", "gradient_ratio")]
)
def test_every_option_of_the_whole_loss_reaches_the_module(tmp_path: Path, weight: str, other: str) -> None:
    options = {
        "include_background": False,
        "weight": [1.0, 3.0],
        "lambda_dice": 0.5,
        "lambda_ce": 2.0,
        weight: 0.3,
        "schedule": {"start_epoch": 1, "ramp_epochs": 2},
        "squared_pred": True,
        "jaccard": True,
        "batch": True,
        "smooth_nr": 0.5,
        "smooth_dr": 0.25,
        "label_smoothing": 0.1,
    }
    config = tiny_config(tmp_path, tmp_path / "out")
    config["loss"] = {"name": "CombinedTopologyLoss", **options}
    section = load_config(write_config(tmp_path / "config.yaml", config)).loss
    assert options.keys() | {"name", "topology_loss", other} == type(section).model_fields.keys()
    own = {**options, "schedule": losses.TopologySchedule(1, 2), "weight": torch.tensor(options["weight"])}
    expected = losses.CombinedTopologyLoss(softmax=True, to_onehot_y=True, **own)
    logits, labels = torch.randn(2, 2, 14, 19, requires_grad=True), torch.randint(0, 2, (2, 1, 14, 19))
    module = section.build()
    for loss in (module, expected):
        loss.set_epoch(1)
    assert module(logits, labels).equal(expected(logits, labels))


@pytest.mark.parametrize(
    ("topology", "parts"),
    [
        ("{name: TotalPersistenceLoss, p: 0}", ["loss.topology_loss.p: got 0, expected a number greater than 0"]),
        (
            "{name: TotalPersistenceLoss, longest: -1}",
            ["loss.topology_loss.longest: got -1", "a list of integers from 0 to 1000000 or an integer from 0"],
        ),
        (
            "{name: BettiPriorLoss, priors: []}",
            ["loss.topology_loss.priors: got []", "a non-empty list of mappings"],
        ),
        (
            "{name: BettiPriorLoss, priors: [{classes: [1]}]}",
            ["loss.topology_loss.priors[0].betti_numbers: got no value"],
        ),
        ("{name: LoopLossH1, dimensions: [1]}", ["loss.topology_loss: got unknown key 'dimensions'", "loops"]),
        ("{name: DiagramDistanceLoss, diagrams: [[[1, 2]]]}", ["loss.topology_loss.diagrams[0][0][1]: got 2"]),
        ("{name: SkeletonRecallLoss, radius: -1}", ["loss.topology_loss.radius: got -1, expected an integer from 0"]),
        ("{name: SoftclDiceLoss, iter_: 1.5}", ["loss.topology_loss.iter_: got 1.5, expected an integer"]),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, topology: str, parts: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        built(tmp_path, yaml.safe_load(topology))
    assert all(part in str(caught.value) for part in parts), str(caught.value)
