"""The state of a training: all that an iteration changes, and its way into a checkpoint and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch.optim.swa_utils import AveragedModel

from segtopo.config import TrainingConfig
from segtopo.errors import InputError, mismatch
from segtopo.inference.checkpoint import Checkpoint, load_weights
from segtopo.inference.initial_weights import initialize
from segtopo.training.epoch_rows import EPOCH, Row

Weights = tuple[torch.Tensor, ...] | list[torch.Tensor]


class TrainingState:
    """The network, the optimiser, the loss, and the progress of a training.

    Attributes:
        channels: The channels of the network.
        network: The network in training.
        averaged: The moving average of its weights, if the config asks for it.
        iteration: The number of iterations done, over all epochs.
        epoch_sums: Sums of the losses since the last epoch ended.
        best_score: The best score of the validations, larger is better.
    """

    def __init__(self, config: TrainingConfig, in_channels: int, device: torch.device) -> None:
        self.config = config
        self.in_channels = in_channels
        self.device = device
        self.channels = config.data.output_channels
        self.network = config.network.build(config.dimensions, in_channels, self.channels.number)
        self.loss = config.build_loss().to(device)
        self.scaler = torch.amp.GradScaler(device.type, enabled=config.precision == "float16")
        self.iteration = 0
        self.epoch_sums: Row = {}
        self.best_score: float | None = None

    def begin(self, checkpoint: Checkpoint | None, path: Path) -> list[str]:
        """Begins anew or continues from a checkpoint.

        Returns:
            Lines that say which weights were loaded from the file of the config, if it names one.

        Raises:
            InputError: The checkpoint does not fit the config; the message names ``path``. Or none of the weights to
                start from fits the network.
        """
        lines: list[str] = []
        if checkpoint is None and self.config.initialize_from is not None:
            lines = initialize(self.network, self.config.initialize_from)
        self.network.to(self.device)
        self.averaged = None if self.config.ema is None else _averaged(self.network, self.config.ema)
        self.optimizer = self.config.optimizer.build(self.network.parameters())
        if checkpoint is None:
            return lines
        try:
            self._restore(checkpoint, path)
        except InputError:
            raise
        except (RuntimeError, ValueError, TypeError, KeyError, AttributeError) as error:
            reason = " ".join(str(error).split())[:200]
            got = f"a state that does not fit its config ({reason})"
            raise InputError(mismatch(path, got=got, expected="the state of a training with this config")) from error
        return lines

    @property
    def predicting(self) -> torch.nn.Module:
        """The network that is validated: with averaged weights, if there are."""
        return self.network if self.averaged is None else self.averaged.module

    def checkpoint(self, history: list[Row]) -> Checkpoint:
        """Returns the state as a checkpoint; it shares its tensors."""
        return Checkpoint(
            config=self.config.model_dump(mode="json"),
            in_channels=self.in_channels,
            network=self.network.state_dict(),
            averaged={} if self.averaged is None else self.averaged.module.state_dict(),
            optimizer=self.optimizer.state_dict()["state"],
            loss=self.loss.state_dict(),
            scaler=self.scaler.state_dict(),
            iteration=self.iteration,
            epoch_sums=self.epoch_sums,
            history=list(history),
            best_score=self.best_score,
        )

    def _restore(self, checkpoint: Checkpoint, path: Path) -> None:
        _check_history(checkpoint, self.config.iterations_per_epoch, path)
        load_weights(self.network, checkpoint.network, path)
        if self.averaged is not None:
            load_weights(self.averaged.module, checkpoint.averaged, path)
            self.averaged.n_averaged.fill_(checkpoint.iteration)
        # The hyperparameters are those of the config.
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": checkpoint.optimizer, "param_groups": groups})
        self._check_optimizer(path)
        self.loss.load_state_dict(checkpoint.loss)
        self.scaler.load_state_dict(checkpoint.scaler)
        self.iteration = checkpoint.iteration
        self.epoch_sums = checkpoint.epoch_sums
        self.best_score = checkpoint.best_score

    def _check_optimizer(self, path: Path) -> None:
        """Checks that the optimiser has the state of each weight that its next step needs."""
        sample = torch.nn.Parameter(torch.zeros(1))
        sample.grad = torch.zeros(1)
        scratch = self.config.optimizer.build([sample])
        scratch.step()
        keys = scratch.state[sample].keys()
        weights = [weight for group in self.optimizer.param_groups for weight in group["params"]]
        if unknown := set(self.optimizer.state) - set(weights):
            raise InputError(mismatch(path, got=f"{len(unknown)} more states of the optimiser", expected="one each"))
        for number, weight in enumerate(weights):
            state: dict[str, Any] = self.optimizer.state.get(weight, {})
            shapes = {tuple(value.shape) for value in state.values() if isinstance(value, torch.Tensor)}
            if (state and state.keys() != keys) or not shapes <= {(), tuple(weight.shape)}:
                expected = f"that of {type(self.optimizer).__name__}"
                raise InputError(mismatch(path, got=f"another state of the optimiser ({number})", expected=expected))


def _averaged(network: torch.nn.Module, decay: float) -> AveragedModel:
    """Returns the moving average of a network. Its decay rises to the given one, so that it forgets the first weights.

    The statistics of batch normalisation are moving averages themselves: they are copied.
    """

    def update(averaged: Weights, present: Weights, done: torch.Tensor | int) -> None:
        number = float(done)
        weight = 1 - min(decay, (1 + number) / (10 + number))
        torch._foreach_lerp_(averaged, present, weight)

    return AveragedModel(network, multi_avg_fn=update)


def _check_history(checkpoint: Checkpoint, epoch_length: int, path: Path) -> None:
    """Checks that the history has a row for each epoch; the last epoch may lack its validation."""
    epochs, rest = divmod(checkpoint.iteration, epoch_length)
    numbers = [row.get(EPOCH) for row in checkpoint.history]
    allowed = (epochs,) if rest else (epochs, epochs - 1)
    if len(numbers) not in allowed or numbers != list(range(1, len(numbers) + 1)):
        got = f"a history of {len(numbers)} epochs after iteration {checkpoint.iteration}"
        raise InputError(mismatch(path, got=got, expected=f"the rows of epochs 1 to {epochs}"))
