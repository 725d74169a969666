"""Data-parallel training in processes of its own, as torchrun would start them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from oracles.losses import LAYOUTS, ROWS

PROCESSES = 2


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


def train(rank: int, folder: Path) -> None:
    """One process of several: its part of the batch, gradients averaged over all of them."""
    torch.set_num_threads(1)
    store = f"file://{folder / 'rendezvous'}"
    torch.distributed.init_process_group(
        "gloo", init_method=store, timeout=timedelta(minutes=1), rank=rank, world_size=PROCESSES
    )
    model = DistributedDataParallel(network())
    torch.save(gradients(model, 2 * rank, 2 * rank + 2), folder / f"{rank}.pt")
    torch.distributed.destroy_process_group()
