"""The config of a training: typed YAML, data and never code."""

from segtopo.config.training_config import TrainingConfig, load_config

__all__ = ["TrainingConfig", "load_config"]
