"""One iteration of a training: a step of the optimiser, with all checks on its numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from ignite.engine import Engine

from segtopo.config.transforms import IMAGE, LABEL
from segtopo.losses.schedules import ScheduledLoss
from segtopo.training.data import CASE
from segtopo.training.epoch_rows import LOSS, Row
from segtopo.training.processes import Processes
from segtopo.training.state import TrainingState


class NonFiniteLossError(RuntimeError):
    """The loss, its gradient or the output of the network became NaN or infinite."""


class Step:
    """A step of the optimiser, for the engine of the training.

    Args:
        state: The state that it changes.
        processes: The processes that share each batch.
    """

    def __init__(self, state: TrainingState, processes: Processes) -> None:
        self.state = state
        self.processes = processes

    def learning_rate(self, iteration: int) -> float:
        """Returns the learning rate of an iteration, counted from 0."""
        config = self.state.config
        return config.optimizer.lr * config.schedule.factor(iteration, config.iterations_per_epoch, config.epochs)

    def __call__(self, engine: Engine, batch: dict[str, Any]) -> Row:
        """Makes one step and returns the mean losses of the batch.

        Raises:
            NonFiniteLossError: Names the problem and the cases of the batch.
        """
        state, config = self.state, self.state.config
        self._place = f"in epoch {engine.state.epoch}, iteration {engine.state.iteration}"
        self._prepare(engine.state.iteration - 1)
        sums: Row = {}
        for part in _parts(batch, config.accumulate):
            for name, value in self._backward(part).items():
                sums[name] = sums.get(name, 0.0) + value / config.accumulate
        self._finish(batch)
        state.iteration = engine.state.iteration
        return self.processes.mean(sums)

    def _prepare(self, iteration: int) -> None:
        state, config = self.state, self.state.config
        # The random numbers of the network (dropout) depend only on seed, iteration and process, like the patches.
        torch.manual_seed(config.seed + iteration + self.processes.rank * config.epochs * config.iterations_per_epoch)
        for group in state.optimizer.param_groups:
            group["lr"] = self.learning_rate(iteration)
        if isinstance(state.loss, ScheduledLoss):
            state.loss.set_epoch(iteration // config.iterations_per_epoch)
        state.network.train()
        state.optimizer.zero_grad()

    def _backward(self, part: dict[str, Any]) -> Row:
        """Adds the gradient of a part of the batch, and returns its losses."""
        state, config = self.state, self.state.config
        images, labels = (part[key].to(state.device, non_blocking=True) for key in (IMAGE, LABEL))
        reduced = config.precision != "float32"
        with torch.autocast(state.device.type, getattr(torch, config.precision) if reduced else None, enabled=reduced):
            prediction = state.network(images)
            if not all(torch.isfinite(output).all() for output in _tensors(prediction)):
                raise self._not_finite("the output of the network is not finite", part)
            loss = state.loss(*state.channels.for_loss(prediction, labels))
        if not torch.isfinite(loss):
            raise self._not_finite(f"the loss is {loss.item()}", part)
        state.scaler.scale(loss / config.accumulate).backward()
        components = state.loss.components if isinstance(state.loss, ScheduledLoss) else {}
        return {LOSS: loss.item(), **{f"loss_{name}": value.item() for name, value in components.items()}}

    def _finish(self, batch: dict[str, Any]) -> None:
        """Averages the gradients over the processes, checks and limits them, and steps."""
        state, limit = self.state, self.state.config.optimizer.clip_norm
        weights = [weight for weight in state.network.parameters() if weight.grad is not None]
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        self.processes.average(gradients)
        state.scaler.unscale_(state.optimizer)
        norm = torch.nn.utils.get_total_norm(gradients)
        # With float16 this is no error: the scaler skips the step and lowers its scale.
        if not state.scaler.is_enabled() and not torch.isfinite(norm):
            raise self._not_finite("the gradient of the loss is not finite", batch)
        if limit is not None:
            torch.nn.utils.clip_grads_with_norm_(weights, limit, norm)
        state.scaler.step(state.optimizer)
        state.scaler.update()
        self.processes.average(_statistics(state.network))
        self.processes.average(_statistics(state.loss))
        if state.averaged is not None:
            state.averaged.update_parameters(state.network)

    def _not_finite(self, problem: str, batch: dict[str, Any]) -> NonFiniteLossError:
        return NonFiniteLossError(f"{problem} {self._place}, for the cases {', '.join(batch[CASE])}")


def _parts(batch: dict[str, Any], number: int) -> Iterator[dict[str, Any]]:
    """Yields equal parts of a batch."""
    size = len(batch[CASE]) // number
    for first in range(0, size * number, size):
        yield {key: values[first : first + size] for key, values in batch.items()}


def _tensors(prediction: Any) -> list[torch.Tensor]:
    """Returns the output of a network, or its outputs at all levels."""
    return [prediction] if isinstance(prediction, torch.Tensor) else list(prediction)


def _statistics(module: torch.nn.Module) -> list[torch.Tensor]:
    """Returns the running means of a network or a loss, which each process has measured on its part of the batch."""
    return [buffer for buffer in module.buffers() if buffer.is_floating_point()]
