from .base_trainer import TopologyTrainer
from .environment import external_trainers, make_trainers_known
from .settings import TrainerSettings
from .topology_loss import LossWithTopology
from .trainers import (
    nnUNetTrainerBettiMatching,
    nnUNetTrainerclDice,
    nnUNetTrainerSkeletonRecall,
    nnUNetTrainerTopoLoss,
)

__all__ = [
    "LossWithTopology",
    "TopologyTrainer",
    "TrainerSettings",
    "external_trainers",
    "make_trainers_known",
    "nnUNetTrainerBettiMatching",
    "nnUNetTrainerSkeletonRecall",
    "nnUNetTrainerTopoLoss",
    "nnUNetTrainerclDice",
]
