"""Checkpoints: plain tensors, numbers, strings and dictionaries, loaded with ``weights_only=True``."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch

from segtopo.atomic_output import atomic_output
from segtopo.config import TrainingConfig
from segtopo.config.loading import parse_config
from segtopo.errors import InputError, mismatch
from segtopo.repair import RepairRules

FORMAT = 1
CHECKPOINT = "a checkpoint of segtopo"


@dataclass
class Checkpoint:
    """The state of a training after iteration ``iteration`` (counted over all epochs).

    ``loss`` is the state of the loss, for instance the gradients it has measured.
    ``epoch_sums`` are the sums of the losses since the last epoch ended, ``history`` the rows of metrics.csv,
    ``repair_rules`` the rules calibrated for each foreground class. The state of random generators and schedules is not
    needed: both depend only on the seed and the iteration.
    """

    config: dict[str, Any]
    in_channels: int
    network: dict[str, Any]
    optimizer: dict[str, Any]
    loss: dict[str, Any]
    scaler: dict[str, Any]
    iteration: int
    epoch_sums: dict[str, float]
    history: list[dict[str, float]] = field(default_factory=list)
    best_score: float | None = None
    repair_rules: list[dict[str, Any]] = field(default_factory=list)
    format: int = FORMAT

    def save(self, path: Path) -> None:
        """Writes the checkpoint. An earlier one of that name is replaced once the new one is complete."""
        with atomic_output(path) as part:
            torch.save({**self.__dict__}, part)

    @staticmethod
    def load(path: Path) -> Checkpoint:
        """Reads a checkpoint onto the CPU.

        Raises:
            InputError: The file does not exist, is damaged, or is not a checkpoint of segtopo.
        """
        if not path.is_file():
            raise InputError(mismatch(path, got="no such file", expected=CHECKPOINT))
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # the unpickler raises errors of many types for damaged files
            got = f"another or a damaged file ({type(error).__name__})"
            raise InputError(mismatch(path, got=got, expected=CHECKPOINT)) from None
        keys = {entry.name for entry in fields(Checkpoint)}
        if not isinstance(content, dict) or content.get("format") != FORMAT or content.keys() != keys:
            raise InputError(mismatch(path, got="other content", expected=f"{CHECKPOINT} (format {FORMAT})"))
        return Checkpoint(**content)

    def training_config(self, path: Path) -> TrainingConfig:
        """Returns the config of the training; errors name ``path``."""
        return parse_config(self.config, str(path))

    def rules(self, path: Path) -> RepairRules | list[RepairRules]:
        """Returns the repair rules of each foreground class, or the default rules; errors name ``path``."""
        return [RepairRules.of(rules, path) for rules in self.repair_rules] or RepairRules()

    def build_network(self, path: Path) -> torch.nn.Module:
        """Builds the network with the checkpoint's weights, in evaluation mode, on the CPU; errors name ``path``."""
        config = self.training_config(path)
        network = config.network.build(config.dimensions, self.in_channels, config.data.classes)
        network.load_state_dict(self.network)
        return network.eval()
