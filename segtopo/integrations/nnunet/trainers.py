"""The trainers, one for each topological loss. Their names are those for nnU-Net's option ``-tr``."""

# ruff: noqa: N801 -- nnU-Net names its trainers so

from __future__ import annotations

from typing import Any, ClassVar

from segtopo.integrations.nnunet.base_trainer import TopologyTrainer


class nnUNetTrainerBettiMatching(TopologyTrainer):
    """nnU-Net's trainer with :class:`segtopo.losses.BettiMatchingLoss`.

    By default ``threshold`` is 0.8: the loss then follows the foreground only, in a tenth of the time.
    """

    topology_loss = "BettiMatchingLoss"
    loss_options: ClassVar[dict[str, Any]] = {"threshold": 0.8}


class nnUNetTrainerTopoLoss(TopologyTrainer):
    """nnU-Net's trainer with :class:`segtopo.losses.TopoLoss`."""

    topology_loss = "TopoLoss"


class nnUNetTrainerSkeletonRecall(TopologyTrainer):
    """nnU-Net's trainer with :class:`segtopo.losses.SkeletonRecallLoss`."""

    topology_loss = "SkeletonRecallLoss"


class nnUNetTrainerclDice(TopologyTrainer):
    """nnU-Net's trainer with :class:`segtopo.losses.SoftclDiceLoss`."""

    topology_loss = "SoftclDiceLoss"
