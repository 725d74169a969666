"""The weight of a topological loss from the gradients of both losses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from monai.losses import DiceCELoss
from torch import nn

from oracles.weight_processes import PROCESSES, measure, weight_of
from segtopo.errors import InputError
from segtopo.losses import (
    BettiMatchingLoss,
    CombinedTopologyLoss,
    DeepSupervisionLoss,
    SkeletonRecallLoss,
    SoftclDiceLoss,
    TopologySchedule,
    TopologyWeight,
    TopoLoss,
)
from segtopo.losses.topology_weight import DEFAULT_RATIO, MEMORY

OPTIONS: dict[str, Any] = {"softmax": True, "to_onehot_y": True, "include_background": False}


def pair(*shape: int, classes: int = 2, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn((2, classes, *shape), generator=generator).requires_grad_()
    return logits, torch.randint(0, classes, (2, 1, *shape), generator=generator).float()


def gradient(loss: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    return torch.autograd.grad(loss, logits, retain_graph=True)[0]


@pytest.mark.parametrize("topology_loss", [TopoLoss(), BettiMatchingLoss()])
@pytest.mark.parametrize(("shape", "classes"), [((9, 14), 2), ((9, 14), 3), ((5, 6, 7), 2)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_the_gradient_of_the_topology_has_the_ratio(
    topology_loss: nn.Module, shape: tuple[int, ...], classes: int, dtype: torch.dtype
) -> None:
    logits, target = pair(*shape, classes=classes)
    logits = logits.detach().to(dtype).requires_grad_()
    loss = CombinedTopologyLoss(topology_loss=topology_loss, gradient_ratio=0.2, **OPTIONS)
    whole, overlap = (
        gradient(of, logits).double() for of in (loss(logits, target), loss.without_topology(logits, target))
    )
    tolerance = {torch.float16: 0.05, torch.bfloat16: 0.2}.get(dtype, 1e-4)
    assert (whole - overlap).norm() / overlap.norm() == pytest.approx(0.2, rel=tolerance)


class Scaled(nn.Module):
    """A topological loss in other units."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor, self.loss = factor, TopoLoss()

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return self.factor * self.loss(input, target)


def test_the_unit_of_the_topological_loss_does_not_matter() -> None:
    logits, target = pair(9, 14)
    values = [
        CombinedTopologyLoss(topology_loss=Scaled(factor), gradient_ratio=0.1, **OPTIONS)(logits, target).item()
        for factor in (1.0, 1e-4, 1e4)
    ]
    assert values == pytest.approx([values[0]] * 3)


def test_the_norms_are_running_means_of_which_the_first_calls_weigh_alike() -> None:
    weight, logits = TopologyWeight(gradient_ratio=1.0), torch.zeros(1, 1, 2, 3, requires_grad=True)
    others, norms = [1.0 + call for call in range(100)], [5.0 + call % 7 for call in range(100)]
    mean_other, mean = 0.0, 0.0
    for call, (other, own) in enumerate(zip(others, norms, strict=True)):
        keep = min(call / (call + 1), MEMORY)
        mean_other, mean = keep * mean_other + (1 - keep) * other, keep * mean + (1 - keep) * own
        used = weight(logits.sum() * other, logits.sum() * own, logits)
        assert used.item() == pytest.approx(mean_other / max(mean, own), rel=1e-4)
    assert weight.value == pytest.approx(mean_other / mean, rel=1e-4)


def test_a_call_with_a_large_gradient_does_not_exceed_the_ratio() -> None:
    weight, logits = TopologyWeight(gradient_ratio=0.5), torch.zeros(1, 1, 2, 3, requires_grad=True)
    for norm in (1e-6, 1e-6, 1.0):
        overlap, topology = logits.sum() * 3, logits[..., 0].sum() * norm
        own, other = (
            gradient(loss, logits).norm().item() for loss in (weight(overlap, topology, logits) * topology, overlap)
        )
        assert own / other == pytest.approx(0.5)
    # Errors that the present call does not have count for it too.
    rare = weight(overlap, logits.sum() * 1e-6, logits) * 1e-6 * 6**0.5
    assert rare.item() < 1e-4


def test_nothing_is_measured_without_gradients() -> None:
    logits, target = pair(9, 14)
    loss = CombinedTopologyLoss(gradient_ratio=0.1, **OPTIONS)
    with torch.no_grad():
        assert loss(logits, target) == loss.without_topology(logits, target)
    assert loss.weighting.calls == 0
    loss(logits, target)
    assert loss.weighting.calls == 1
    weight = loss.components["topology_weight"]
    with torch.no_grad():
        loss(*pair(9, 14, seed=1))
    assert loss.components["topology_weight"] == weight
    assert loss.weighting.calls == 1


def test_a_topology_without_errors_leaves_the_loss_finite() -> None:
    target = torch.zeros(1, 1, 6, 7)
    target[..., 2:4, 1:6] = 1
    logits = torch.cat([-target, target], dim=1).mul(50).requires_grad_()
    loss = CombinedTopologyLoss(gradient_ratio=0.1, topology_loss=TopoLoss(min_persistence=0.5), **OPTIONS)
    assert torch.isfinite(loss(logits, target))
    assert torch.isfinite(gradient(loss(logits, target), logits)).all()


def loss_of_topology(logits: torch.Tensor, target: torch.Tensor) -> float:
    return TopoLoss(**OPTIONS)(logits, target).item()


def test_the_schedule_applies_to_the_ratio() -> None:
    logits, target = pair(9, 14)
    loss = CombinedTopologyLoss(
        gradient_ratio=0.4, schedule=TopologySchedule(start_epoch=1, ramp_epochs=1), topology_loss=TopoLoss(), **OPTIONS
    )
    loss.set_epoch(0)
    assert loss(logits, target) == loss.without_topology(logits, target)
    loss.set_epoch(1)
    whole, overlap = (gradient(of, logits) for of in (loss(logits, target), loss.without_topology(logits, target)))
    value = loss(logits, target)
    assert loss.components["topology_weight"].item() == pytest.approx(loss.topology_weight)
    without = loss.without_topology(logits, target)
    assert value.item() == pytest.approx(without.item() + loss.topology_weight * loss_of_topology(logits, target))
    assert (whole - overlap).norm() / overlap.norm() == pytest.approx(0.2, rel=1e-4)


def test_the_state_continues_the_weight() -> None:
    first, second = (CombinedTopologyLoss(gradient_ratio=0.1, **OPTIONS) for _ in range(2))
    for seed in range(5):
        first(*pair(9, 14, seed=seed))
    second.load_state_dict(first.state_dict())
    later = [pair(9, 14, seed=seed) for seed in range(50, 55)]
    assert [first(*both).item() for both in later] == [second(*both).item() for both in later]


def test_processes_that_share_a_batch_have_one_weight(tmp_path: Path) -> None:
    torch.multiprocessing.spawn(measure, args=(tmp_path,), nprocs=PROCESSES)
    weights = [torch.load(tmp_path / f"{rank}.pt").item() for rank in range(PROCESSES)]
    assert weights == pytest.approx([weight_of(0, 2 * PROCESSES).item()] * PROCESSES)


@pytest.mark.parametrize(("ratio", "error"), [(-0.1, InputError), ("0.1", TypeError)])
def test_a_ratio_is_a_number_that_is_not_negative(ratio: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^gradient_ratio: got"):
        CombinedTopologyLoss(gradient_ratio=ratio, **OPTIONS)


def test_the_default_is_a_ratio_and_a_constant_weight_replaces_it() -> None:
    logits, target = pair(9, 14)
    default, same = (CombinedTopologyLoss(gradient_ratio=ratio, **OPTIONS) for ratio in (None, DEFAULT_RATIO))
    constant = CombinedTopologyLoss(lambda_topology=0.25, **OPTIONS)
    assert default(logits, target) == same(logits, target)
    without = constant.without_topology(logits, target).item()
    assert constant(logits, target).item() == pytest.approx(without + 0.25 * loss_of_topology(logits, target))
    assert constant.topology_weight == constant.components["topology_weight"].item() == 0.25


@pytest.mark.parametrize(
    ("topology_loss", "ratio"),
    [(TopoLoss(), 2), (BettiMatchingLoss(), 2), (SkeletonRecallLoss(), 0.5), (SoftclDiceLoss(), 0.5), (Scaled(1), 2)],
)
def test_losses_that_act_on_many_voxels_have_a_smaller_ratio(topology_loss: nn.Module, ratio: float) -> None:
    logits, target = pair(9, 14)
    default, same = (
        CombinedTopologyLoss(topology_loss=topology_loss, gradient_ratio=each, **OPTIONS) for each in (None, ratio)
    )
    assert default(logits, target) == same(logits, target)


@pytest.mark.parametrize("ratio", [1.0, 0.0])
def test_only_one_of_ratio_and_weight_is_in_force(ratio: float) -> None:
    message = f"^gradient_ratio: got {ratio} beside lambda_topology 0.1, expected only one of them$"
    for build in (CombinedTopologyLoss, TopologyWeight):
        with pytest.raises(InputError, match=message):
            build(gradient_ratio=ratio, lambda_topology=0.1)
    with pytest.raises(InputError, match=message):
        DeepSupervisionLoss(nn.Identity(), nn.Identity(), gradient_ratio=ratio, lambda_topology=0.1)


def test_deep_supervision_weighs_the_topology_of_the_finest_output() -> None:
    outputs = [pair(*shape)[0] for shape in ((8, 12), (4, 6))]
    target = pair(8, 12)[1]
    loss = DeepSupervisionLoss(DiceCELoss(**OPTIONS), TopoLoss(**OPTIONS), gradient_ratio=0.3)
    whole = gradient(loss(outputs, target), outputs[0])
    overlap = gradient(DiceCELoss(**OPTIONS)(outputs[0], target), outputs[0])
    assert (whole - overlap).norm() / overlap.norm() == pytest.approx(0.3, rel=1e-4)


def test_gradients_that_are_not_finite_leave_the_means_alone() -> None:
    weight, logits = TopologyWeight(), torch.zeros(1, 1, 2, 3, requires_grad=True)
    expected = weight(logits.sum(), logits.sum(), logits)
    weight(logits.sum() * torch.inf, logits.sum(), logits)
    assert weight(logits.sum(), logits.sum(), logits) == expected
    assert weight.calls == 2
