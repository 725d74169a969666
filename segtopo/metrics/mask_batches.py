"""From batches of torch tensors to single NumPy masks, and from their scores to a tensor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from monai.metrics.utils import create_ignore_mask

from segtopo.errors import InputError, mismatch
from segtopo.masks.components import Mask
from segtopo.masks.inputs import as_booleans, check_same_shape
from segtopo.persistence.inputs import check_dimensions

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
    score: Callable[[Mask, Mask], Score],
    y_pred: torch.Tensor,
    y: torch.Tensor,
    include_background: bool,
    ignore_empty: bool = False,
    ignore_index: int | None = None,
) -> torch.Tensor:
    """Scores each mask of a batch against its reference.

    Args:
        score: Function of a prediction and a reference; its scores have the same shape for every pair.
        y_pred: Predicted binary masks (B, C, H, W[, D]).
        y: Reference masks of the same shape.
        include_background: Whether the first of several channels is scored as well.
        ignore_empty: Whether the scores of an empty reference mask are NaN.
        ignore_index: See :func:`without_ignored`. Among several channels, that of this class has NaN.

    Returns:
        The scores (B, C, ...) in float32 on the device of ``y_pred``.

    Raises:
        TypeError: An argument is not a dense tensor.
        InputError: The masks are not binary, have another shape or differ in shape.
    """
    if ignore_index is not None:
        y_pred, y = without_ignored(y_pred, y, ignore_index)
    predictions, references = _masks(y_pred, "y_pred"), _masks(y, "y")
    check_same_shape(y_pred=predictions.shape, y=references.shape)
    first = int(not include_background and predictions.shape[1] > 1)
    scores = torch.tensor(
        [
            [score(prediction, reference) for prediction, reference in zip(*item, strict=True)]
            for item in zip(predictions[:, first:], references[:, first:], strict=True)
        ],
        dtype=torch.float32,
        device=y_pred.device,
    )
    if ignore_empty:
        empty = ~references[:, first:].any(axis=tuple(range(2, references.ndim)))
        scores[torch.from_numpy(empty).to(scores.device)] = torch.nan
    if ignore_index is not None and predictions.shape[1] > 1 and first <= ignore_index < predictions.shape[1]:
        scores[:, ignore_index - first] = torch.nan
    return scores


def choose_dimensions(scores: torch.Tensor, dimensions: Sequence[int] | None, reduce_dimensions: bool) -> torch.Tensor:
    """Chooses dimensions of the scores of features.

    Args:
        scores: One score (B, C, ndim) for each dimension.
        dimensions: The dimensions that count. None: all.
        reduce_dimensions: Whether to add the scores of the dimensions.

    Returns:
        The sums (B, C), or the scores (B, C, K) of the K dimensions in their order.

    Raises:
        TypeError: The dimensions are not a list.
        InputError: The images have no such dimensions.

    Example:
        >>> choose_dimensions(torch.tensor([[[3, 1, 2]]]), (2, 0), reduce_dimensions=True)
        tensor([[5]])
    """
    chosen = scores[..., list(check_dimensions(dimensions, scores.shape[-1]))]
    return chosen.sum(dim=-1) if reduce_dimensions else chosen


def without_ignored(y_pred: torch.Tensor, y: torch.Tensor, ignore_index: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Sets the voxels that do not count to the background in predictions and references.

    Args:
        y_pred: Predicted binary masks (B, C, H, W[, D]).
        y: Reference masks of the same shape. One channel has the value ``ignore_index`` where voxels do not count.
        ignore_index: Of several channels, the class whose voxels in ``y`` do not count. If there is no such class,
            voxels without any class do not count. These are the conventions of MONAI.

    Returns:
        Both masks without these voxels.

    Raises:
        TypeError: An argument is not a dense tensor.
        InputError: The masks differ in shape.

    Example:
        >>> y = torch.tensor([[[[0, 1, 255]]]])
        >>> without_ignored(torch.ones_like(y), y, ignore_index=255)
        (tensor([[[[1, 1, 0]]]]), tensor([[[[0, 1, 0]]]]))
    """
    for name, masks in (("y_pred", y_pred), ("y", y)):
        if not isinstance(masks, torch.Tensor):
            raise TypeError(mismatch(name, got=type(masks).__name__, expected="a torch tensor"))
    check_same_shape(y_pred=tuple(y_pred.shape), y=tuple(y.shape))
    counts = create_ignore_mask(y, ignore_index) != 0
    return y_pred.where(counts, torch.zeros_like(y_pred)), y.where(counts, torch.zeros_like(y))


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
