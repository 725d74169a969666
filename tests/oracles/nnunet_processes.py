"""Steps of nnU-Net's trainer in one process, and in several as ``torchrun`` would start them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.parallel import DistributedDataParallel

from oracles.process_group import PROCESSES, process_group
from oracles.tiny_nnunet import PATCHES, label_map, make_trainer

STEPS = 2


def batch(step: int, first: int, last: int) -> dict[str, Any]:
    """Some items of one batch of images and labels, the labels at three scales."""
    rng = np.random.default_rng(step)
    labels = np.stack([label_map(rng, 2, False) for _ in range(PROCESSES)]).reshape(PROCESSES, 1, *PATCHES[2])
    images = (labels + rng.normal(scale=0.3, size=labels.shape)).astype(np.float32)
    targets = [torch.from_numpy(labels[first:last, :, :: 2**level, :: 2**level].copy()) for level in range(3)]
    return {"data": torch.from_numpy(images[first:last]), "target": targets}


def steps(first: int = 0, last: int = PROCESSES) -> dict[str, Any]:
    """The losses, the weights and the log of an epoch of a trainer that sees some items of each batch."""
    from segtopo.integrations.nnunet import nnUNetTrainerBettiMatching

    trainer = make_trainer(nnUNetTrainerBettiMatching)
    # nnU-Net's processes have a GPU each; here they share the CPU.
    trainer.device, trainer.grad_scaler = torch.device("cpu"), None
    torch.manual_seed(0)
    trainer.initialize()
    trainer.on_train_epoch_start()
    trainer.loss.set_epoch(trainer.weighting.schedule.start_epoch)
    made = [trainer.train_step(batch(step, first, last)) for step in range(STEPS)]
    trainer.on_train_epoch_end(made)
    with torch.no_grad():
        trainer.on_validation_epoch_start()
        trainer.on_validation_epoch_end([trainer.validation_step(batch(STEPS, first, last))])
    log = trainer.logger.local_logger.my_fantastic_logging
    keys = (
        "train_losses",
        "train_topology_losses",
        "topology_weights",
        "val_losses",
        "mean_fg_dice",
        "mean_betti_errors",
    )
    network = trainer.network.module if trainer.is_ddp else trainer.network
    return {
        "losses": [float(step["loss"]) for step in made],
        "topology": [step["topology"] for step in made],
        "weights": {name: weights.clone() for name, weights in network.state_dict().items()},
        "log": [float(log[key][0]) for key in keys],
    }


def train(rank: int, folder: Path) -> None:
    """One process of several: its part of each batch, gradients averaged over all of them."""
    from nnunetv2.training.nnUNetTrainer import nnUNetTrainer

    nnUNetTrainer.DDP = lambda network, device_ids: DistributedDataParallel(network)  # on the CPU there are no ids
    with process_group(rank, folder):
        torch.save(steps(rank, rank + 1), folder / f"{rank}.pt")
