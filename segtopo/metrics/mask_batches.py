"""From batches of torch tensors to single NumPy masks, and from their scores to a tensor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from segtopo.errors import InputError, mismatch
from segtopo.masks.components import Mask
from segtopo.masks.inputs import as_booleans, check_same_shape

Score = float | tuple[float, ...] | tuple[tuple[float, ...], ...]


def score_masks(score: Callable[[Mask], Score], y: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Scores each mask of a batch.

    Args:
        score: Function of one mask; its scores have the same shape for every mask.
        y: Binary masks (B, C, H, W[, D]).
        dtype: The dtype of the result.

    Returns:
        The scores (B, C, ...) on the device of ``y``.

    Raises:
        TypeError: ``y`` is not a dense tensor.
        InputError: ``y`` is not binary or has another shape.
    """
    scores = [[score(mask) for mask in channels] for channels in _masks(y, "y")]
    return torch.tensor(scores, dtype=dtype, device=y.device)


def score_pairs(
    score: Callable[[Mask, Mask], Score], y_pred: torch.Tensor, y: torch.Tensor, include_background: bool
) -> torch.Tensor:
    """Scores each mask of a batch against its reference.

    Args:
        score: Function of a prediction and a reference; its scores have the same shape for every pair.
        y_pred: Predicted binary masks (B, C, H, W[, D]).
        y: Reference masks of the same shape.
        include_background: Whether the first of several channels is scored as well.

    Returns:
        The scores (B, C, ...) in float32 on the device of ``y_pred``.

    Raises:
        TypeError: An argument is not a dense tensor.
        InputError: The masks are not binary, have another shape or differ in shape.
    """
    predictions, references = _masks(y_pred, "y_pred"), _masks(y, "y")
    check_same_shape(y_pred=predictions.shape, y=references.shape)
    if not include_background and predictions.shape[1] > 1:
        predictions, references = predictions[:, 1:], references[:, 1:]
    scores = [
        [score(prediction, reference) for prediction, reference in zip(*item, strict=True)]
        for item in zip(predictions, references, strict=True)
    ]
    return torch.tensor(scores, dtype=torch.float32, device=y_pred.device)


def _masks(y: Any, name: str) -> Mask:
    """Converts a batch of masks to a boolean array of the same shape."""
    if not isinstance(y, torch.Tensor):
        raise TypeError(mismatch(name, got=type(y).__name__, expected="a torch tensor"))
    shape = tuple(y.shape)
    if len(shape) not in (4, 5):
        raise InputError(mismatch(name, got=f"shape {shape}", expected="(B, C, H, W) or (B, C, H, W, D)"))
    if 0 in shape:
        raise InputError(mismatch(name, got=f"shape {shape}", expected="no axis of length 0"))
    return as_booleans(y, name)
