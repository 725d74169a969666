"""Differentiable norms that hold over the whole range of floats."""

from __future__ import annotations

import torch


def row_norms(rows: torch.Tensor, p: float = 2.0) -> torch.Tensor:
    """Computes the p-norms ``(n,)`` of the rows of an ``(n, d)`` tensor, with gradient 0 for rows of zeros.

    Each row is divided by its largest entry before powers are taken. Powers then neither overflow nor vanish, and
    because norms are homogeneous the gradient is the norm's, although it does not pass through the divisor.

    Example:
        >>> row_norms(torch.tensor([[3e-30, 4e-30], [0.0, 0.0]]))  # the square of 3e-30 is 0 in float32
        tensor([5.0000e-30, 0.0000e+00])
    """
    if rows.shape[1] == 0:
        return rows.sum(dim=1)
    largest = rows.detach().abs().amax(dim=1, keepdim=True)
    scale = torch.where(largest > 0, largest, 1.0)
    norms: torch.Tensor = scale[:, 0] * torch.linalg.vector_norm(rows / scale, p, dim=1)
    return norms
