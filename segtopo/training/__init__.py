"""Training of a segmentation network from a typed YAML config."""

from segtopo.training.engine import NonFiniteLossError, TrainingResult, train
from segtopo.training.interruption import TrainingInterruptedError

__all__ = ["NonFiniteLossError", "TrainingInterruptedError", "TrainingResult", "train"]
