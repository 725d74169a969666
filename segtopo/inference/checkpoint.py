"""Checkpoints: plain tensors, numbers, strings and dictionaries, loaded with ``weights_only=True``."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch

from segtopo.config.training_config import TrainingConfig, parse_config
from segtopo.errors import InputError

FORMAT = 1


@dataclass
class Checkpoint:
    """A training at the end of iteration ``iteration`` (counted over all epochs).

    ``epoch_sums`` are the sums of the losses in the epoch under way, ``history`` the rows of metrics.csv so far. No
    state of a random generator or a schedule is needed: both are functions of the seed and the iteration.
    """

    config: dict[str, Any]
    in_channels: int
    network: dict[str, Any]
    optimizer: dict[str, Any]
    scaler: dict[str, Any]
    iteration: int
    epoch_sums: dict[str, float]
    history: list[dict[str, float]] = field(default_factory=list)
    best_score: float | None = None
    format: int = FORMAT

    def save(self, path: Path) -> None:
        """Writes the checkpoint beside ``path``, then renames it, so that ``path`` is always whole."""
        partial = path.with_name(f".{path.name}.partial")
        try:
            torch.save({**self.__dict__}, partial)
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)

    @staticmethod
    def load(path: Path) -> Checkpoint:
        """Reads a checkpoint onto the CPU.

        Raises:
            InputError: The file is missing, damaged, or not a checkpoint of segtopo.
        """
        if not path.is_file():
            raise InputError(f"{path}: no such file; expected a checkpoint of segtopo")
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # the unpickler answers damaged files with whatever it stumbles over
            raise InputError(f"{path}: not a checkpoint of segtopo, or damaged ({type(error).__name__})") from None
        keys = {entry.name for entry in fields(Checkpoint)}
        if not isinstance(content, dict) or content.get("format") != FORMAT or content.keys() != keys:
            raise InputError(f"{path}: not a checkpoint of segtopo (format {FORMAT})")
        return Checkpoint(**content)

    def training_config(self, path: Path) -> TrainingConfig:
        """The config the training was started with; errors name ``path``."""
        return parse_config(self.config, str(path))

    def build_network(self, path: Path) -> torch.nn.Module:
        """The network with the checkpoint's weights, in evaluation mode, on the CPU."""
        config = self.training_config(path)
        network = config.network.build(config.dimensions, self.in_channels, config.data.classes)
        network.load_state_dict(self.network)
        return network.eval()


def initialize(network: torch.nn.Module, path: Path) -> None:
    """Gives a fresh network the weights of a checkpoint.

    Raises:
        InputError: The checkpoint is of another network.
    """
    weights, own = Checkpoint.load(path).network, network.state_dict()
    for name in [*own, *weights]:
        if name not in own or name not in weights or own[name].shape != weights[name].shape:
            raise InputError(
                f"initialize_from: {path} is of another network (weight {name}); expected the same network"
            )
    network.load_state_dict(weights)
