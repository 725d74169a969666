"""The trainer of nnU-Net with a topological loss: what the trainers of all losses share."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from torch import distributed

from segtopo.integrations.nnunet.foreground import Foreground
from segtopo.integrations.nnunet.settings import read_settings, settings_of
from segtopo.integrations.nnunet.topology_loss import LossWithTopology

TOPOLOGY_LOSS = "train_topology_losses"
TOPOLOGY_WEIGHT = "topology_weights"


class TopologyTrainer(nnUNetTrainer):  # type: ignore[misc]  # nnU-Net has no type information
    """Base of the trainers: nnU-Net's own trainer with a topological loss added to its loss.

    A subclass names the loss and its default weight. All else is nnU-Net's: network, augmentation, optimiser, and the
    loss of overlap with deep supervision, cascade, regions and ignore label.

    Attributes:
        topology_loss: Name of the loss in :mod:`segtopo.losses`.
        lambda_topology: Default weight of the loss.
        settings: The settings, see :class:`~segtopo.integrations.nnunet.settings.TrainerSettings`.
    """

    topology_loss: ClassVar[str]
    lambda_topology: ClassVar[float]

    def __init__(
        self,
        plans: dict[str, Any],
        configuration: str,
        fold: int,
        dataset_json: dict[str, Any],
        device: torch.device = torch.device("cuda"),  # noqa: B008 -- as in nnU-Net
    ) -> None:
        continues = plans["continue_training"]  # nnU-Net removes it
        super().__init__(plans, configuration, fold, dataset_json, device)
        schema = settings_of(self.topology_loss, self.lambda_topology)
        self.settings = read_settings(schema, self.output_folder if continues else None)
        for name, value in self.settings.of_nnunet().items():
            setattr(self, name, value)
        self.foreground = Foreground(self.label_manager.has_regions, self.label_manager.ignore_label)
        self.schedule = self.settings.schedule(self.num_epochs)
        # nnU-Net's logger takes only the keys that it has, and stores their lists in checkpoints.
        for key in (TOPOLOGY_LOSS, TOPOLOGY_WEIGHT):
            self.logger.local_logger.my_fantastic_logging[key] = []

    def _build_loss(self) -> LossWithTopology:
        return LossWithTopology(
            super()._build_loss(),
            self.settings.topology_loss.build(),
            self.foreground,
            self.settings.lambda_topology,
            self.schedule,
        )

    def on_train_start(self) -> None:
        """Prepares the training, and writes its settings to the output folder."""
        super().on_train_start()
        if self.local_rank == 0:
            self.settings.save(self.output_folder)
        self.print_to_log_file(f"Topological loss: {self.settings!r}, {self.schedule!r}")

    def on_train_epoch_start(self) -> None:
        """Sets the weight of the topological loss."""
        super().on_train_epoch_start()
        self.loss.set_epoch(self.current_epoch)
        self.logger.log(TOPOLOGY_WEIGHT, self.loss.topology_weight, self.current_epoch)

    def train_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Makes one step; the result also has the topological loss before it is weighted."""
        step: dict[str, Any] = super().train_step(batch)
        return step | {"topology": float(self.loss.components.get("topology", 0.0))}

    def on_train_epoch_end(self, train_outputs: list[dict[str, Any]]) -> None:
        """Logs the losses of the epoch."""
        super().on_train_epoch_end(train_outputs)
        losses = [output["topology"] for output in train_outputs]
        self.logger.log(TOPOLOGY_LOSS, float(np.mean(self._gathered(losses))), self.current_epoch)

    def on_epoch_end(self) -> None:
        """Prints the topological loss beside the losses of nnU-Net, and saves checkpoints."""
        topology, weight = (self.logger.get_value(key, step=-1) for key in (TOPOLOGY_LOSS, TOPOLOGY_WEIGHT))
        self.print_to_log_file("topology_loss", np.round(topology, decimals=4), "weight", np.round(weight, decimals=6))
        super().on_epoch_end()

    def _gathered(self, values: Any) -> list[Any]:
        """Returns the values of all processes."""
        if not self.is_ddp:
            return [values]
        of_processes: list[Any] = [None] * distributed.get_world_size()
        distributed.all_gather_object(of_processes, values)
        return of_processes
