"""Data-parallel training in processes of its own, as torchrun would start them."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from oracles.losses import LAYOUTS, ROWS
from oracles.process_group import PROCESSES, process_group
from segtopo.metrics import BettiMatchingErrorMetric


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Conv2d(3, 3, 3, padding=1).double()


def gradients(model: nn.Module, first: int, last: int) -> dict[str, list[torch.Tensor]]:
    """The gradients of all parameters by row of the table, for some items of one batch."""
    layout = LAYOUTS["2D classes"]
    input, target = layout.pair(batch=2 * PROCESSES)
    found = {}
    for name, make in ROWS.items():
        model.zero_grad()
        make(**layout.options)(model(input.detach()[first:last]), target[first:last]).backward()
        found[name] = [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]
    return found


def aggregated(first: int, last: int) -> torch.Tensor:
    """The mean of a metric over some of five cases, and over those of all other processes."""
    y_pred, y = torch.rand(2, 5, 2, 8, 11, generator=torch.Generator().manual_seed(0)) < 0.5
    metric = BettiMatchingErrorMetric()
    metric(y_pred[first:last], y[first:last])
    mean: torch.Tensor = metric.aggregate()
    return mean


def train(rank: int, folder: Path) -> None:
    """One process of several: its part of the batch, gradients averaged over all of them; its cases of a metric."""
    with process_group(rank, folder):
        torch.save(gradients(DistributedDataParallel(network()), 2 * rank, 2 * rank + 2), folder / f"{rank}.pt")
        torch.save(aggregated(*((0, 3), (3, 5))[rank]), folder / f"metric{rank}.pt")
