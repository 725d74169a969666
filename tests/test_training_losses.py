"""The losses that a config can name: each builds its module, with the options given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from oracles.tiny_training import tiny_config, write_config
from segtopo import losses
from segtopo.config import load_config
from segtopo.errors import InputError

SHARED: dict[str, Any] = {
    "dimensions": [1, 0],
    "dimension_weights": [2.0, 0.5],
    "min_persistence": 0.1,
    "construction": "V",
}
# Values other than the defaults, for every option.
OPTIONS: dict[str, dict[str, Any]] = {
    "TopoLoss": {**SHARED, "patch_size": [8, 9], "match_all": False},
    "BettiMatchingLoss": {
        **SHARED,
        "matched_weight": 2.0,
        "unmatched_weight": 3.0,
        "unmatched_target_weight": 4.0,
        "push_unmatched_to": "extremes",
        "threshold": 0.8,
        "essential": False,
    },
    "DiagramDistanceLoss": {
        **SHARED,
        "distance": "bottleneck",
        "order": 1.0,
        "internal_p": 1.0,
        "diagrams": [[], [[1.0, 0.0]]],
    },
    "TotalPersistenceLoss": {**SHARED, "p": 1.0, "longest": [0, 1], "longest_weight": -0.5},
    "BettiPriorLoss": {**SHARED, "priors": [{"classes": [1], "betti_numbers": [0, 1]}], "p": 1.0},
    "LoopLossH1": {
        "loops": 1,
        "birth_weight": 2.0,
        "death_weight": 0.0,
        "penalty_weight": 0.5,
        "min_persistence": 0.1,
        "construction": "V",
    },
    "SkeletonRecallLoss": {"radius": 1, "smooth": 0.5},
    "SoftclDiceLoss": {"iter_": 5, "smooth": 0.5},
}


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


def test_every_loss_of_a_prediction_can_be_the_topology() -> None:
    whole = {"CombinedTopologyLoss", "DeepSupervisionLoss"}
    assert set(OPTIONS) == {name for name in losses.__all__ if "Loss" in name} - whole


@pytest.mark.parametrize("name", OPTIONS)
def test_options_reach_the_module(tmp_path: Path, name: str) -> None:
    given, default = (built(tmp_path, {"name": name, **options}).topology_loss for options in (OPTIONS[name], {}))
    assert type(given) is type(default) is getattr(losses, name)
    assert (given.to_onehot_y, given.softmax) == (True, True)
    for option, value in OPTIONS[name].items():
        if name == "SoftclDiceLoss":
            attribute = {"iter_": "iter", "smooth": "smooth_nr"}[option]
            own, usual = getattr(given.of_one_channel, attribute), getattr(default.of_one_channel, attribute)
        else:
            own, usual = getattr(given, option), getattr(default, option)
        assert plain(own) == plain(value)
        assert plain(usual) != plain(value)


@pytest.mark.parametrize("name", OPTIONS)
def test_it_trains_on_logits_and_labels(tmp_path: Path, name: str) -> None:
    loss = built(tmp_path, {"name": name, **OPTIONS[name]})
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 2, 14, 19, generator=generator).requires_grad_()
    loss(logits, torch.randint(0, 2, (2, 1, 14, 19), generator=generator)).backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert "topology" in loss.components


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
