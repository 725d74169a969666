"""The base of the trainers: the trainer of nnU-Net with a topological loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from torch import distributed

from segtopo.integrations.nnunet.betti_errors import BettiErrors, best_epoch
from segtopo.integrations.nnunet.foreground import Foreground
from segtopo.integrations.nnunet.progress import (
    MEAN_BETTI_ERROR,
    TOPOLOGY_LOSS,
    TOPOLOGY_WEIGHT,
    WEIGHT_STATE,
    betti_error_key,
    draw_progress,
)
from segtopo.integrations.nnunet.settings import read_settings, settings_of
from segtopo.integrations.nnunet.topology_loss import LossWithTopology

BEST_TOPOLOGY = "checkpoint_best_topology.pth"


class TopologyTrainer(nnUNetTrainer):  # type: ignore[misc]  # nnU-Net has no type information
    """Base of the trainers: nnU-Net's own trainer with a topological loss added to its loss.

    A subclass names the loss. All else is nnU-Net's: network, augmentation, optimiser, and the loss of overlap with
    deep supervision, cascade, regions and ignore label.

    Attributes:
        topology_loss: Name of the loss in :mod:`segtopo.losses`.
        loss_options: Default options of the loss, where they are not those of its class.
        settings: The settings, see :class:`~segtopo.integrations.nnunet.settings.TrainerSettings`.
    """

    topology_loss: ClassVar[str]
    loss_options: ClassVar[dict[str, Any]] = {}

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
        schema = settings_of(self.topology_loss, **self.loss_options)
        self.settings = read_settings(schema, self.output_folder if continues else None)
        for name, value in self.settings.of_nnunet().items():
            setattr(self, name, value)
        self.foreground = Foreground(self.label_manager.has_regions, self.label_manager.ignore_label)
        self.weighting = self.settings.weighting(self.num_epochs)
        self.dimensions = len(self.configuration_manager.patch_size)
        # nnU-Net's logger takes only the keys that it has. Checkpoints store all of them.
        betti_errors = map(betti_error_key, range(self.dimensions))
        keys = (TOPOLOGY_LOSS, TOPOLOGY_WEIGHT, WEIGHT_STATE, MEAN_BETTI_ERROR, *betti_errors)
        self.logger.local_logger.my_fantastic_logging.update({key: [] for key in keys})

    def _build_loss(self) -> LossWithTopology:
        return LossWithTopology(
            super()._build_loss(),
            self.settings.topology_loss.build(),
            self.foreground,
            self.weighting,
        )

    def on_train_start(self) -> None:
        """Prepares the training, and writes its settings to the output folder."""
        super().on_train_start()
        if self.local_rank == 0:
            self.settings.save(self.output_folder)
        self.print_to_log_file(f"Topological loss: {self.settings!r}, {self.weighting.schedule!r}")

    def on_train_epoch_start(self) -> None:
        """Tells the topological loss the epoch."""
        super().on_train_epoch_start()
        self.loss.set_epoch(self.current_epoch)

    def train_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Makes one step; the result also has the topological loss before it is weighted, and its weight."""
        step: dict[str, Any] = super().train_step(batch)
        return step | {name: float(self.loss.components.get(name, 0.0)) for name in ("topology", "topology_weight")}

    def on_train_epoch_end(self, train_outputs: list[dict[str, Any]]) -> None:
        """Logs the losses of the epoch, and the state of the weight: nnU-Net's checkpoints hold its log."""
        super().on_train_epoch_end(train_outputs)
        for key, name in ((TOPOLOGY_LOSS, "topology"), (TOPOLOGY_WEIGHT, "topology_weight")):
            values = [output[name] for output in train_outputs]
            self.logger.log(key, float(np.mean(self._gathered(values))), self.current_epoch)
        state = {name: value.tolist() for name, value in self.weighting.state_dict().items()}
        self.logger.log(WEIGHT_STATE, state, self.current_epoch)

    def load_checkpoint(self, filename_or_checkpoint: dict[str, Any] | str) -> None:
        """Loads a checkpoint; the weight of the topology is that of its last epoch."""
        super().load_checkpoint(filename_or_checkpoint)
        state = self.logger.get_value(WEIGHT_STATE, step=-1)
        self.weighting.load_state_dict({name: torch.tensor(value) for name, value in state.items()})

    def on_validation_epoch_start(self) -> None:
        """Begins to count the Betti errors of the validation patches."""
        super().on_validation_epoch_start()
        self.betti_errors = BettiErrors(self.foreground)
        self.loss.observer = self.betti_errors.add

    def on_validation_epoch_end(self, val_outputs: list[dict[str, Any]]) -> None:
        """Logs the Betti errors beside the pseudo Dice."""
        super().on_validation_epoch_end(val_outputs)
        self.loss.observer = None
        errors = BettiErrors.mean(self._gathered((self.betti_errors.sums, self.betti_errors.patches)))
        for dimension, of_classes in enumerate(errors.T.tolist()):
            self.logger.log(betti_error_key(dimension), of_classes, self.current_epoch)
        self.logger.log(MEAN_BETTI_ERROR, float(errors.sum(axis=1).mean()), self.current_epoch)

    def on_epoch_end(self) -> None:
        """Prints the topology of the epoch, and saves a checkpoint if it is the best."""
        self.print_to_log_file(TOPOLOGY_WEIGHT, f"{self.logger.get_value(TOPOLOGY_WEIGHT, step=-1):.4g}")
        for key in (TOPOLOGY_LOSS, *map(betti_error_key, range(self.dimensions))):
            self.print_to_log_file(key, np.round(self.logger.get_value(key, step=-1), decimals=4).tolist())
        super().on_epoch_end()
        # nnU-Net has moved on to the next epoch, but a checkpoint is that of the epoch before.
        self.current_epoch -= 1
        if self._is_best_topology():
            self.print_to_log_file(f"New best topology: {BEST_TOPOLOGY}")
            self.save_checkpoint(str(Path(self.output_folder) / BEST_TOPOLOGY))
        self.current_epoch += 1
        if self.local_rank == 0:
            log = self.logger.local_logger.my_fantastic_logging
            draw_progress(Path(self.output_folder) / "progress_topology.png", log, self.dimensions)

    def _is_best_topology(self) -> bool:
        dice, errors = (self.logger.get_value(key, step=None) for key in ("ema_fg_dice", MEAN_BETTI_ERROR))
        return bool(best_epoch(dice, errors, self.settings.dice_tolerance) == self.current_epoch)

    def _gathered(self, values: Any) -> list[Any]:
        """Returns the values of all processes."""
        if not self.is_ddp:
            return [values]
        of_processes: list[Any] = [None] * distributed.get_world_size()
        distributed.all_gather_object(of_processes, values)
        return of_processes
