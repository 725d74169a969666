"""Gradient descent on a loss of an image, and the Betti numbers of what it leads to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy import ndimage


def descend(
    loss: Callable[[torch.Tensor], torch.Tensor], logits: torch.Tensor, steps: int = 200, rate: float = 0.3
) -> torch.Tensor:
    """The logits after steps of Adam."""
    logits = logits.clone().requires_grad_()
    optimizer = torch.optim.Adam([logits], lr=rate)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(logits).backward()
        optimizer.step()
    return logits.detach()


def betti_numbers_2d(logits: torch.Tensor) -> tuple[int, int]:
    """Components (8-connected) and holes of the foreground of a (1, 1, H, W) image."""
    mask = np.pad((logits[0, 0] > 0).numpy(), 1)
    return int(ndimage.label(mask, np.ones((3, 3)))[1]), int(ndimage.label(~mask)[1]) - 1
