"""What every metric asks of its masks, and the way from a batch of tensors to single arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from segtopo.masks.components import Mask


def check_masks(**masks: torch.Tensor) -> None:
    """Refuse anything but binary tensors of shape (B, C, H, W[, D]), all of the same shape.

    Raises:
        TypeError: something other than a tensor.
        ValueError: wrong number of axes, an axis of no length, values other than 0 and 1, differing shapes.
    """
    for name, mask in masks.items():
        if not isinstance(mask, torch.Tensor):
            raise TypeError(f"{name} is {type(mask).__name__}, expected a torch.Tensor")
        shape = tuple(mask.shape)
        if len(shape) not in (4, 5):
            raise ValueError(f"{name} has shape {shape}, expected (B, C, H, W) or (B, C, H, W, D)")
        if 0 in shape:
            raise ValueError(f"{name} has shape {shape}, expected no axis of length 0")
        if mask.dtype != torch.bool and not bool(((mask == 0) | (mask == 1)).all()):
            raise ValueError(f"{name} has values other than 0 and 1, expected a binary mask: threshold it first")
    shapes = {name: tuple(mask.shape) for name, mask in masks.items()}
    if len(set(shapes.values())) > 1:
        received = " and ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(f"masks differ in shape, received {received}, expected the same")


def foreground_channels(mask: torch.Tensor, include_background: bool) -> torch.Tensor:
    """The channels that are scored: all of them, or all but the first of several (as MONAI does)."""
    return mask if include_background or mask.shape[1] == 1 else mask[:, 1:]


def single_masks(masks: torch.Tensor) -> Iterator[Mask]:
    """The boolean arrays of a (B, C, ...) tensor, the channels of one item after another."""
    for item in masks.detach():
        for channel in item:
            yield channel.cpu().numpy().astype(bool, copy=False)


def gather(scores: list[Any], like: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """The scores of :func:`single_masks`, put back into (B, C, ...) on the device of ``like``."""
    tensor = torch.tensor(scores, dtype=dtype, device=like.device)
    return tensor.reshape(*like.shape[:2], *tensor.shape[1:])
