"""CombinedTopologyLoss: Dice and cross entropy as in MONAI, the topology as scheduled."""

from __future__ import annotations

import inspect
import pickle
import warnings
from typing import Any

import pytest
import torch
from monai.losses import DiceCELoss

from segtopo.errors import InputError
from segtopo.losses import (
    BettiMatchingLoss,
    BettiPriorLoss,
    CombinedTopologyLoss,
    DeepSupervisionLoss,
    TopologySchedule,
    TopoLoss,
)


def label_map(channels: int, *spatial: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, channels, *spatial, generator=generator)
    return logits, torch.randint(0, max(channels, 2), (2, 1, *spatial), generator=generator)


CASES: list[tuple[int, tuple[int, ...], dict[str, Any]]] = [
    (1, (6, 9), {"sigmoid": True}),
    (1, (4, 5, 6), {"sigmoid": True, "weight": torch.tensor([3.0])}),
    (3, (6, 9), {"softmax": True, "to_onehot_y": True}),
    (3, (6, 9), {"softmax": True, "to_onehot_y": True, "include_background": False, "reduction": "sum"}),
    (3, (4, 5, 6), {"softmax": True, "to_onehot_y": True, "weight": torch.tensor([1.0, 2.0, 3.0])}),
    (3, (6, 9), {"softmax": True, "to_onehot_y": True, "weight": torch.arange(3.0), "include_background": False}),
    (3, (6, 9), {"softmax": True, "to_onehot_y": True, "batch": True, "jaccard": True, "label_smoothing": 0.2}),
    (3, (6, 9), {"softmax": True, "to_onehot_y": True, "squared_pred": True, "smooth_nr": 0.5, "smooth_dr": 2.0}),
    (1, (6, 9), {"sigmoid": True, "batch": True, "reduction": "sum", "smooth_nr": 0.0}),
    (3, (4, 5, 6), {"other_act": torch.sigmoid, "to_onehot_y": True, "label_smoothing": 0.1, "squared_pred": True}),
]


@pytest.mark.parametrize(("channels", "spatial", "options"), CASES)
def test_it_is_dice_ce_plus_topology(channels: int, spatial: tuple[int, ...], options: dict[str, Any]) -> None:
    logits, target = label_map(channels, *spatial)
    dice_ce = DiceCELoss(lambda_dice=0.5, lambda_ce=2.0, **options)(logits, target)
    combined = CombinedTopologyLoss(lambda_dice=0.5, lambda_ce=2.0, lambda_topology=0.0, **options)
    torch.testing.assert_close(combined(logits, target), dice_ce)
    assert set(combined.components) == {"dice", "cross_entropy"}

    of_topology = dict(options)
    if "weight" in options and not options.get("include_background", True):
        of_topology["weight"] = options["weight"][1:]
    shared = {name: value for name, value in of_topology.items() if name in inspect.signature(TopoLoss).parameters}
    topology = TopoLoss(**shared)(logits, target)
    combined = CombinedTopologyLoss(lambda_dice=0.5, lambda_ce=2.0, lambda_topology=0.1, **options)
    torch.testing.assert_close(combined(logits, target), dice_ce + 0.1 * topology)
    torch.testing.assert_close(combined.components["topology"], topology)


def test_one_hot_targets() -> None:
    logits, labels = label_map(3, 6, 9)
    one_hot = torch.cat([labels == c for c in range(3)], dim=1)
    by_label = CombinedTopologyLoss(softmax=True, to_onehot_y=True)(logits, labels)
    torch.testing.assert_close(CombinedTopologyLoss(softmax=True)(logits, one_hot), by_label)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("channels", "options"), [(1, {"sigmoid": True}), (3, {"softmax": True, "to_onehot_y": True})])
def test_ignored_voxels_have_no_part(channels: int, options: dict[str, Any], reduction: str) -> None:
    logits, target = label_map(channels, 6, 9)
    target[:, :, 4:] = 255
    logits.requires_grad_()
    loss = CombinedTopologyLoss(ignore_index=255, reduction=reduction, **options)
    loss(logits, target).sum().backward()
    assert logits.grad is not None
    assert (logits.grad[:, :, 4:] == 0).all()
    plain = CombinedTopologyLoss(reduction=reduction, **options)
    torch.testing.assert_close(
        loss.components["cross_entropy"], plain._cross_entropy(logits[:, :, :4], target[:, :, :4]).detach()
    )


def test_an_item_without_any_label_is_finite() -> None:
    logits, target = label_map(3, 6, 9)
    loss = CombinedTopologyLoss(softmax=True, to_onehot_y=True, ignore_index=255)
    assert loss(logits, torch.full_like(target, 255)).isfinite()


def test_the_topology_is_ramped_in() -> None:
    loss = CombinedTopologyLoss(sigmoid=True, lambda_topology=0.4, schedule=TopologySchedule(3, 1))
    logits, target = label_map(1, 6, 9)
    weights, totals = [], []
    for epoch in range(6):
        loss.set_epoch(epoch)
        totals.append(loss(logits, target))
        weights.append(loss.topology_weight)
        assert ("topology" in loss.components) == (epoch >= 3)
    assert weights == pytest.approx([0, 0, 0, 0.2, 0.4, 0.4])
    torch.testing.assert_close(totals[3] - totals[0], 0.2 * loss.components["topology"])
    torch.testing.assert_close(totals[5] - totals[0], 0.4 * loss.components["topology"])


def test_before_its_start_the_topology_is_not_computed() -> None:
    class Forbidden(torch.nn.Module):
        def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
            raise AssertionError("computed although it has no weight")

    loss = CombinedTopologyLoss(sigmoid=True, topology_loss=Forbidden(), schedule=TopologySchedule(1))
    loss.set_epoch(0)
    assert loss(*label_map(1, 6, 9)).isfinite()


def test_a_schedule_that_is_never_told_the_epoch_is_noticed() -> None:
    loss = CombinedTopologyLoss(sigmoid=True, schedule=TopologySchedule(3))
    with pytest.warns(UserWarning, match=r"until set_epoch\(\) is called") as caught:
        loss(*label_map(1, 6, 9))
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CombinedTopologyLoss(sigmoid=True)(*label_map(1, 6, 9))


def test_another_topology_loss() -> None:
    logits, target = label_map(1, 6, 9)
    topology = TopoLoss(sigmoid=True, dimensions=[0], patch_size=4)
    loss = CombinedTopologyLoss(sigmoid=True, topology_loss=TopoLoss(dimensions=[0], patch_size=4))
    loss(logits, target)
    assert loss.components["topology"].equal(topology(logits, target))


def test_components_hold_no_graph() -> None:
    logits, target = label_map(1, 6, 9)
    loss = CombinedTopologyLoss(sigmoid=True)
    loss(logits.requires_grad_(), target).backward()
    assert not any(value.requires_grad for value in loss.components.values())


@pytest.mark.parametrize("name", ["lambda_dice", "lambda_ce", "lambda_topology", "smooth_nr", "smooth_dr"])
def test_negative_options(name: str) -> None:
    options: dict[str, Any] = {name: -1}
    with pytest.raises(InputError, match=f"{name}: got -1, expected a number >= 0"):
        CombinedTopologyLoss(**options)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_does_not_overflow(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(1, 2, 512, 384, generator=generator).to(dtype).requires_grad_()
    labels = torch.randint(0, 2, (1, 1, 512, 384), generator=generator)
    encoded = torch.cat([1 - labels, labels], dim=1).to(dtype)
    for topology in (None, BettiMatchingLoss(dimensions=[1], min_persistence=0.5, threshold=0.3)):
        options = {} if topology is None else {"topology_loss": topology}
        loss_function = CombinedTopologyLoss(softmax=True, lambda_topology=0.01 * bool(options), **options)
        loss = loss_function(logits, encoded)
        exact = loss_function(logits.float(), encoded.float())
        torch.testing.assert_close(loss, exact)
        (gradient,) = torch.autograd.grad(loss, logits)
        assert gradient.dtype == dtype
        assert gradient.isfinite().all()
    reference = DiceCELoss(softmax=True)(logits.float(), encoded.float())
    torch.testing.assert_close(CombinedTopologyLoss(softmax=True, lambda_topology=0.0)(logits, encoded), reference)


@pytest.mark.parametrize("weight", [2.0, [1.0, 2.0]])
def test_the_state_of_a_used_loss_loads_into_a_new_one(weight: Any) -> None:
    logits, labels = label_map(2, 6, 9)
    for wrap in (lambda loss: loss, DeepSupervisionLoss):
        used, fresh = (wrap(CombinedTopologyLoss(softmax=True, to_onehot_y=True, weight=weight)) for _ in range(2))
        value = used(logits, labels)
        fresh.load_state_dict(used.state_dict())
        assert fresh(logits, labels).equal(value)
        assert pickle.loads(pickle.dumps(used))(logits, labels).equal(value)


def test_the_topology_sees_the_activation_and_the_encoding_of_the_whole_loss() -> None:
    logits, labels = label_map(3, 6, 9)
    options: dict[str, Any] = {"softmax": True, "to_onehot_y": True, "include_background": False, "ignore_index": 2}
    prior = BettiPriorLoss(priors=[{"classes": [1, 2], "betti_numbers": [1, 0]}])
    for topology_loss in (BettiMatchingLoss(threshold=0.8), prior):
        loss = CombinedTopologyLoss(**options, topology_loss=topology_loss)
        loss(logits, labels)
        own = {name: getattr(topology_loss, name) for name in ("threshold", "priors") if hasattr(topology_loss, name)}
        alone = type(topology_loss)(**options, **own)
        assert loss.components["topology"].equal(alone(logits, labels))
        assert not topology_loss.softmax  # the loss given is left as it is


def test_a_module_of_ones_own_gets_probabilities_and_one_hot_targets() -> None:
    class Recorder(torch.nn.Module):
        def forward(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
            self.seen = prediction, target
            return (prediction - target).abs().mean()

    logits, labels = label_map(3, 6, 9)
    recorder = Recorder()
    loss = CombinedTopologyLoss(softmax=True, to_onehot_y=True, include_background=False, topology_loss=recorder)
    loss(logits, labels)
    assert recorder.seen[0].equal(logits.softmax(dim=1)[:, 1:])
    assert recorder.seen[1].equal(torch.cat([labels == 1, labels == 2], dim=1).float())


@pytest.mark.parametrize(
    ("topology", "message"),
    [
        ({"sigmoid": True}, "topology_loss.sigmoid: got True, expected False, as for the whole loss"),
        ({"include_background": False}, "topology_loss.include_background: got False, expected True"),
        ({"reduction": "sum"}, "topology_loss.reduction: got 'sum', expected 'mean'"),
        ({"weight": [1.0, 2.0]}, "topology_loss.weight: got weights, expected None"),
    ],
)
def test_options_of_the_topology_that_contradict_the_whole_loss(topology: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        CombinedTopologyLoss(softmax=True, topology_loss=TopoLoss(**topology))


def test_an_activation_may_be_a_module() -> None:
    logits, target = label_map(1, 6, 9)
    loss = CombinedTopologyLoss(other_act=torch.nn.Sigmoid())
    assert loss(logits, target).equal(CombinedTopologyLoss(other_act=torch.sigmoid)(logits, target))
