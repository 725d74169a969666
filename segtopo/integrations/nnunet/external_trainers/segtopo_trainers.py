"""The names that nnU-Net finds in the folders of its variable ``nnUNet_extTrainer``.

nnU-Net imports this file as a module of its own and forgets the module again. The classes are those of the installed
package, so they can be pickled.
"""

from segtopo.integrations.nnunet.trainers import (
    nnUNetTrainerBettiMatching,
    nnUNetTrainerclDice,
    nnUNetTrainerSkeletonRecall,
    nnUNetTrainerTopoLoss,
)

__all__ = [
    "nnUNetTrainerBettiMatching",
    "nnUNetTrainerSkeletonRecall",
    "nnUNetTrainerTopoLoss",
    "nnUNetTrainerclDice",
]
