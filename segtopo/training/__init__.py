"""Training of a segmentation network from a typed YAML config."""

from segtopo.training.engine import train
from segtopo.training.folds import train_folds
from segtopo.training.interruption import TrainingInterruptedError
from segtopo.training.repair_calibration import calibrate_training
from segtopo.training.step import NonFiniteLossError
from segtopo.training.training_run import TrainingResult

__all__ = [
    "NonFiniteLossError",
    "TrainingInterruptedError",
    "TrainingResult",
    "calibrate_training",
    "train",
    "train_folds",
]
