"""The config of a training: typed YAML, which is data and never code."""

from segtopo.config.loading import load_config
from segtopo.config.training_config import TrainingConfig

__all__ = ["TrainingConfig", "load_config"]
