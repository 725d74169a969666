"""The weight of a topological loss from the gradients of both losses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from oracles.ratio_processes import PROCESSES, measure, weight_of
from segtopo.errors import InputError
from segtopo.losses import BettiMatchingLoss, CombinedTopologyLoss, GradientRatio, TopologySchedule, TopoLoss
from segtopo.losses.gradient_ratio import EVERY

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


def test_the_first_measurements_weigh_alike_and_calls_between_measure_nothing() -> None:
    ratio, logits = GradientRatio(1.0), torch.zeros(1, 1, 2, 3, requires_grad=True)
    weights = []
    for call in range(EVERY + 1):
        overlap, topology = logits.sum() * (1 if call < EVERY else 3), logits.sum() * (2 if call in (0, EVERY) else 100)
        ratio.measure(overlap, topology, logits)
        weights.append(ratio.weight)
    assert weights == pytest.approx([1 / 2] * EVERY + [(1 + 3) / 2 / ((2 + 2) / 2)])


def test_nothing_is_measured_without_gradients() -> None:
    logits, target = pair(9, 14)
    loss = CombinedTopologyLoss(gradient_ratio=0.1, **OPTIONS)
    with torch.no_grad():
        assert loss(logits, target) == loss.without_topology(logits, target)
    assert loss.balance is not None
    assert (loss.balance.calls, loss.balance.measured) == (0, 0)
    loss(logits, target)
    assert loss.balance.measured == 1
    weight = loss.components["topology_weight"]
    with torch.no_grad():
        loss(*pair(9, 14, seed=1))
    assert loss.components["topology_weight"] == weight
    assert loss.balance.calls == 1


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
    for seed in range(EVERY + 3):
        first(*pair(9, 14, seed=seed))
    second.load_state_dict(first.state_dict())
    later = [pair(9, 14, seed=seed) for seed in range(50, 50 + EVERY)]
    assert [first(*both).item() for both in later] == [second(*both).item() for both in later]


def test_processes_that_share_a_batch_have_one_weight(tmp_path: Path) -> None:
    torch.multiprocessing.spawn(measure, args=(tmp_path,), nprocs=PROCESSES)
    weights = [torch.load(tmp_path / f"{rank}.pt").item() for rank in range(PROCESSES)]
    assert weights == pytest.approx([weight_of(0, 2 * PROCESSES).item()] * PROCESSES)


@pytest.mark.parametrize(("ratio", "error"), [(-0.1, InputError), ("0.1", TypeError)])
def test_a_ratio_is_a_number_that_is_not_negative(ratio: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^gradient_ratio: got"):
        CombinedTopologyLoss(gradient_ratio=ratio, **OPTIONS)
