"""The trainers, one for each topological loss. Their names are those for nnU-Net's option ``-tr``."""

# ruff: noqa: N801 -- nnU-Net names its trainers so

from __future__ import annotations

from segtopo.integrations.nnunet.base_trainer import TopologyTrainer


class nnUNetTrainerBettiMatching(TopologyTrainer):
    """nnU-Net's trainer with :class:`segtopo.losses.BettiMatchingLoss`."""

    topology_loss = "BettiMatchingLoss"
    lambda_topology = 0.01


class nnUNetTrainerTopoLoss(TopologyTrainer):
    """nnU-Net's trainer with :class:`segtopo.losses.TopoLoss`."""

    topology_loss = "TopoLoss"
    lambda_topology = 0.01


class nnUNetTrainerSkeletonRecall(TopologyTrainer):
    """nnU-Net's trainer with :class:`segtopo.losses.SkeletonRecallLoss`."""

    topology_loss = "SkeletonRecallLoss"
    lambda_topology = 1.0


class nnUNetTrainerclDice(TopologyTrainer):
    """nnU-Net's trainer with :class:`segtopo.losses.SoftclDiceLoss`."""

    topology_loss = "SoftclDiceLoss"
    lambda_topology = 1.0
