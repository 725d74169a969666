"""The weight of a topological loss in processes that share a batch."""

from __future__ import annotations

from pathlib import Path

import torch

from oracles.process_group import PROCESSES, process_group
from segtopo.losses import CombinedTopologyLoss, TopoLoss


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn((2 * PROCESSES, 2, 9, 12), generator=generator)
    return logits.requires_grad_(), (torch.rand((2 * PROCESSES, 1, 9, 12), generator=generator) > 0.5).float()


def weight_of(first: int, last: int) -> torch.Tensor:
    loss = CombinedTopologyLoss(softmax=True, to_onehot_y=True, topology_loss=TopoLoss(), gradient_ratio=0.3)
    logits, target = batch()
    loss(logits[first:last], target[first:last])
    return loss.components["topology_weight"]


def measure(rank: int, folder: Path) -> None:
    """One process of several, with its part of the batch."""
    with process_group(rank, folder):
        torch.save(weight_of(2 * rank, 2 * rank + 2), folder / f"{rank}.pt")
