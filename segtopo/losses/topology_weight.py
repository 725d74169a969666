"""TopologyWeight: the weight of a topological loss beside another loss, by their gradients or a number."""

from __future__ import annotations

import torch
from torch import distributed

from segtopo.errors import InputError, mismatch
from segtopo.losses.calls import not_compiled
from segtopo.losses.options import NonNegative, check_option
from segtopo.losses.schedules import TopologySchedule

DEFAULT_RATIO = 2.0
MEMORY = 0.98  # part of the running means that a call keeps
_SCALE = 1024.0  # lifts the gradients of half-precision logits above the smallest number of their type


class TopologyWeight(torch.nn.Module):
    """The weight of a topological loss that is added to another loss.

    The values of topological losses differ by orders of magnitude: some count features, some are means. The norms of
    the gradients at the output of the network tell how strongly each loss moves it. So the weight is

    ``gradient_ratio * (norm of the other loss) / (norm of the topological loss)``

    where both norms are running means over about 50 calls. If a call has a larger topological gradient than the mean,
    its weight is smaller in proportion: one batch with many errors cannot dominate the training. In distributed
    training the norms are those of the whole batch. Without gradients, as in validation, nothing is measured.

    The running means are buffers: with the ``state_dict`` a resumed training goes on with the same weight. The epoch is
    not part of it.

    Args:
        gradient_ratio: Norm of the weighted gradient of the topology divided by that of the other loss, not negative.
            None: the default of the loss, unless ``lambda_topology`` is given.
        lambda_topology: A constant weight instead, not negative.
        schedule: The epochs in which the topological loss gains its weight.
        topology_loss: The loss that is weighted, or its class. Its attribute ``default_ratio`` is the default; without
            one it is 2. Losses that act on few voxels may have a larger gradient than those that act on many.

    Attributes:
        epoch: The last epoch set, None before. Until one is set, the weight is that of epoch 0.

    Raises:
        TypeError: If an option has a wrong type.
        InputError: If an option is negative, or ratio and weight are both given.

    Example:
        >>> logits = torch.zeros(1, 1, 4, 5, requires_grad=True)
        >>> overlap, topology = logits.sum() * 3, logits[..., 0].sum() * 100
        >>> weight = TopologyWeight(gradient_ratio=0.1)(overlap, topology, logits)
        >>> gradients = [torch.autograd.grad(loss, logits)[0].norm().item() for loss in (overlap, weight * topology)]
        >>> round(gradients[1] / gradients[0], 6)
        0.1
    """

    norms: torch.Tensor
    calls: torch.Tensor

    def __init__(
        self,
        gradient_ratio: float | None = None,
        lambda_topology: float | None = None,
        schedule: TopologySchedule = TopologySchedule(),  # noqa: B008 -- frozen
        topology_loss: torch.nn.Module | type[torch.nn.Module] | None = None,
    ) -> None:
        super().__init__()
        check_option("gradient_ratio", gradient_ratio, NonNegative | None)
        check_option("lambda_topology", lambda_topology, NonNegative | None)
        if gradient_ratio is not None and lambda_topology is not None:
            got = f"{gradient_ratio} beside lambda_topology {lambda_topology}"
            raise InputError(mismatch("gradient_ratio", got=got, expected="only one of them"))
        self.by_gradients = lambda_topology is None
        default = getattr(topology_loss, "default_ratio", DEFAULT_RATIO)
        self.full = next((value for value in (lambda_topology, gradient_ratio) if value is not None), default)
        self.schedule = schedule
        self.epoch: int | None = None
        self.register_buffer("norms", torch.zeros(2))
        self.register_buffer("calls", torch.zeros(()))

    @property
    def strength(self) -> float:
        """The ratio or the weight of the present epoch. If it is 0, the topology need not be computed."""
        return self.full * self.schedule.factor(self.epoch or 0)

    @property
    def value(self) -> float:
        """The weight of the present epoch, by the running means."""
        return float(self._by_gradients(self.norms[1])) if self.by_gradients else self.strength

    @not_compiled
    def forward(self, loss: torch.Tensor, topology: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        """Measures the gradients and returns the weight, a tensor of one number on the device of the topology.

        Args:
            loss: The other loss, of any shape.
            topology: The topological loss, of any shape.
            output: The output of the network, from which both were computed.
        """
        if not self.by_gradients:
            return topology.new_tensor(self.strength)  # infinite where it does not fit into the dtype
        self.norms, self.calls = (state.to(topology.device) for state in (self.norms, self.calls))
        is_measured = output.requires_grad and torch.is_grad_enabled()
        norm = self._measure(loss, topology, output) if is_measured else self.norms[1]
        return self._by_gradients(norm).to(topology)

    def _by_gradients(self, norm: torch.Tensor) -> torch.Tensor:
        """Returns the weight of a topological gradient with this norm; 0 until there has been one."""
        other, mean = self.norms
        own = torch.maximum(mean, norm)
        return torch.where(own > 0, self.strength * other / own, 0.0)

    def _measure(self, loss: torch.Tensor, topology: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        """Updates the running means, and returns the norm of the topology's gradient."""
        squares = torch.stack([_squared_norm(part, output) for part in (loss, topology)])
        if distributed.is_available() and distributed.is_initialized():
            distributed.all_reduce(squares)
        norms = squares.sqrt()
        # The first calls weigh alike, as in the bias correction of Adam.
        mean = norms.lerp(self.norms, (self.calls / (self.calls + 1)).clamp(max=MEMORY))
        finite = norms.isfinite().all()  # the training notices the loss itself
        self.norms, self.calls = torch.where(finite, mean, self.norms), self.calls + finite
        return norms[1]


def _squared_norm(loss: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
    """Returns the squared norm of the gradient of a loss, times a constant."""
    if not loss.requires_grad:
        return output.new_zeros((), dtype=torch.float32)
    scale = torch.full_like(loss, _SCALE)
    (gradient,) = torch.autograd.grad(loss, output, scale, retain_graph=True, materialize_grads=True)
    return gradient.as_subclass(torch.Tensor).float().square().sum()
