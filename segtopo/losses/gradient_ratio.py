"""The weight of a topological loss from the gradients: the same ratio suits images of any size and any loss."""

from __future__ import annotations

import torch
from torch import distributed

EVERY = 10  # calls from one measurement to the next
MEMORY = 0.8  # part of the running means that a measurement keeps
_SCALE = 1024.0  # lifts the gradients of half-precision logits above the smallest number of their type


class GradientRatio(torch.nn.Module):
    """Weights a topological loss so that its gradient has a chosen ratio to the gradient of another loss.

    The values of topological losses differ by orders of magnitude: some count features, some are means. The norms of
    the gradients at the output of the network tell how strongly each loss moves it. They are measured every 10 calls,
    and running means of them give the weight. In distributed training the norms are those of the whole batch.

    The running means are buffers: with the ``state_dict`` a resumed training goes on with the same weight. Without
    gradients, as in validation, nothing is measured.

    Args:
        ratio: Norm of the weighted gradient of the topology divided by that of the other loss.

    Example:
        >>> logits = torch.zeros(1, 1, 4, 5, requires_grad=True)
        >>> overlap, topology = logits.sum() * 3, logits[..., 0].sum() * 100
        >>> ratio = GradientRatio(0.1)
        >>> ratio.measure(overlap, topology, logits)
        >>> losses = (overlap, ratio.weight * topology)
        >>> gradients = [torch.autograd.grad(loss, logits)[0].norm().item() for loss in losses]
        >>> round(gradients[1] / gradients[0], 6)
        0.1
    """

    norms: torch.Tensor
    measured: torch.Tensor
    calls: torch.Tensor

    def __init__(self, ratio: float) -> None:
        super().__init__()
        self.ratio = ratio
        self.register_buffer("norms", torch.zeros(2, dtype=torch.float64))
        self.register_buffer("measured", torch.zeros((), dtype=torch.int64))
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    @property
    def weight(self) -> float:
        """The weight of the topological loss; 0 until it has had a gradient."""
        other, own = self.norms.tolist()
        return float(self.ratio * other / own) if own > 0 else 0.0

    def measure(self, loss: torch.Tensor, topology: torch.Tensor, output: torch.Tensor) -> None:
        """Measures both gradients in each tenth call; without gradients, does nothing.

        Args:
            loss: The other loss, of any shape.
            topology: The topological loss, of any shape.
            output: The output of the network, from which both were computed.
        """
        if output.requires_grad and torch.is_grad_enabled():
            if self.calls % EVERY == 0:
                self._measure(loss, topology, output)
            self.calls += 1

    def _measure(self, loss: torch.Tensor, topology: torch.Tensor, output: torch.Tensor) -> None:
        squares = torch.stack([_squared_norm(part, output) for part in (loss, topology)])
        if distributed.is_available() and distributed.is_initialized():
            distributed.all_reduce(squares)
        norms = squares.sqrt().to(self.norms)
        if not torch.isfinite(norms).all():
            return  # the training notices the loss itself
        # The first measurements weigh alike, as in the bias correction of Adam.
        keep = min(MEMORY, self.measured.item() / (self.measured.item() + 1))
        self.norms.lerp_(norms, 1 - keep)
        self.measured += 1


def _squared_norm(loss: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
    """Returns the squared norm of the gradient of a loss, times a constant."""
    if not loss.requires_grad:
        return output.new_zeros((), dtype=torch.float32)
    scale = torch.full_like(loss, _SCALE)
    (gradient,) = torch.autograd.grad(loss, output, scale, retain_graph=True, materialize_grads=True)
    return gradient.as_subclass(torch.Tensor).float().square().sum()
