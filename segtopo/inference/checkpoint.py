"""Checkpoints: the state of a training in one file, loaded without executing code."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveInt, ValidationError

from segtopo.atomic_output import atomic_output
from segtopo.config import TrainingConfig
from segtopo.config.loading import parse_config
from segtopo.errors import InputError, mismatch
from segtopo.repair import RepairRules

#: Names of the checkpoints in the folder of a training.
BEST, LAST = "best.pt", "last.pt"

FORMAT = 2
CHECKPOINT = "a checkpoint of segtopo"

Weights = dict[str, torch.Tensor]


class Checkpoint(BaseModel):
    """The state of a training after iteration ``iteration`` (counted over all epochs).

    ``averaged`` are the averaged weights, if the training averages them; they are those that predict. ``optimizer`` is
    the state of each parameter, by its number. ``loss`` is the state of the loss, for instance the gradients it has
    measured. ``epoch_sums`` are the sums of the losses since the last epoch ended, ``history`` the rows of metrics.csv,
    ``repair_rules`` the rules calibrated for each foreground class or region. The state of random generators and
    schedules is not needed: both depend only on the seed and the iteration.
    """

    model_config = ConfigDict(strict=True, extra="forbid", arbitrary_types_allowed=True)

    config: dict[str, Any]
    in_channels: PositiveInt
    network: Weights
    averaged: Weights
    optimizer: dict[int, dict[str, torch.Tensor | None]]
    loss: dict[str, Any]
    scaler: dict[str, Any]
    iteration: NonNegativeInt
    epoch_sums: dict[str, float]
    history: list[dict[str, int | float]] = []
    best_score: float | None = None
    repair_rules: list[dict[str, Any]] = []
    format: int = FORMAT

    @property
    def weights(self) -> Weights:
        """The weights that predict."""
        return self.averaged or self.network

    def save(self, path: Path) -> None:
        """Writes the checkpoint. An earlier one of that name is replaced once the new one is complete."""
        content = BytesIO()  # torch hides the error of a full disk
        torch.save({**self.__dict__}, content)
        with atomic_output(path) as part:
            part.write_bytes(content.getbuffer())

    @staticmethod
    def load(path: Path) -> Checkpoint:
        """Reads a checkpoint onto the CPU.

        Raises:
            InputError: The file does not exist, is damaged, is not a checkpoint of segtopo, or has numbers that are not
                finite.
        """
        if not path.is_file():
            raise InputError(mismatch(path, got="no such file", expected=CHECKPOINT))
        try:
            with zipfile.ZipFile(path) as archive:
                if (damaged := archive.testzip()) is not None:  # torch.load does not compare the checksums
                    raise zipfile.BadZipFile(damaged)
            content = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # the unpickler raises errors of many types for damaged files
            got = f"another or a damaged file ({type(error).__name__})"
            raise InputError(mismatch(path, got=got, expected=CHECKPOINT)) from None
        expected = f"{CHECKPOINT} (format {FORMAT})"
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise InputError(mismatch(path, got="other content", expected=expected))
        try:
            checkpoint = Checkpoint(**content)
        except (ValidationError, TypeError) as error:
            place = error.errors()[0]["loc"] if isinstance(error, ValidationError) else ["keys"]
            got = f"other content ({'.'.join(map(str, place))})"
            raise InputError(mismatch(path, got=got, expected=expected)) from None
        checkpoint._check_tensors(path)
        return checkpoint

    def training_config(self, path: Path) -> TrainingConfig:
        """Returns the config of the training; errors name ``path``."""
        return parse_config(self.config, str(path))

    def rules(self, path: Path) -> RepairRules | list[RepairRules]:
        """Returns the repair rules of each foreground class or region, or the default rules; errors name ``path``."""
        return [RepairRules.of(rules, path) for rules in self.repair_rules] or RepairRules()

    def build_network(self, path: Path) -> torch.nn.Module:
        """Builds the network that predicts, in evaluation mode, on the CPU.

        Raises:
            InputError: The weights are not those of the config. The message names ``path``.
        """
        config = self.training_config(path)
        network = config.network.build(config.dimensions, self.in_channels, config.data.output_channels.number)
        load_weights(network, self.weights, path)
        return network.eval()

    def _check_tensors(self, path: Path) -> None:
        groups = {"network": self.network, "averaged": self.averaged, "loss": self.loss}
        groups |= {f"optimizer.{number}": state for number, state in self.optimizer.items()}
        for group, tensors in groups.items():
            for name, tensor in tensors.items():
                if not isinstance(tensor, torch.Tensor):
                    continue
                if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type != "cpu":
                    raise InputError(mismatch(path, got=f"a tensor of another kind in {group}", expected=CHECKPOINT))
                if not torch.isfinite(tensor).all():
                    got = f"NaN or infinite numbers in {group}.{name}"
                    raise InputError(mismatch(path, got=got, expected="finite numbers: the training has diverged"))


def load_weights(network: torch.nn.Module, weights: Mapping[str, torch.Tensor], path: Path) -> None:
    """Copies all weights of a checkpoint into its network.

    Raises:
        InputError: The weights are those of another network. The message names ``path``.
    """
    if name := _first_difference(network, weights):
        expected = f"the weights of the network of its config (weight {name} differs)"
        raise InputError(mismatch(path, got="weights of another network", expected=expected))
    network.load_state_dict(weights)


def _first_difference(network: torch.nn.Module, weights: Mapping[str, torch.Tensor]) -> str | None:
    """Returns the name of the first weight that differs in presence, shape or dtype."""
    present = network.state_dict()
    for name in [*present, *weights]:
        if name not in present or name not in weights:
            return name
        if (present[name].shape, present[name].dtype) != (weights[name].shape, weights[name].dtype):
            return name
    return None
