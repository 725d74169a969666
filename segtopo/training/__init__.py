"""Training and prediction, from a typed YAML config to masks with the geometry of their images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segtopo.training.config import TrainingConfig, load_config
    from segtopo.training.engine import NonFiniteLossError, TrainingResult, train
    from segtopo.training.interruption import TrainingInterruptedError
    from segtopo.training.prediction import predict

__all__ = [
    "NonFiniteLossError",
    "TrainingConfig",
    "TrainingInterruptedError",
    "TrainingResult",
    "load_config",
    "predict",
    "train",
]

_HOMES = {
    "NonFiniteLossError": "engine",
    "TrainingConfig": "config",
    "TrainingInterruptedError": "interruption",
    "TrainingResult": "engine",
    "load_config": "config",
    "predict": "prediction",
    "train": "engine",
}


def __getattr__(name: str) -> Any:
    """Loads what is asked for, and with it torch and MONAI, no earlier than it is asked for."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
