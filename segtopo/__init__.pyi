from . import (
    config,
    evaluation,
    inference,
    integrations,
    losses,
    masks,
    matching,
    metrics,
    persistence,
    phantoms,
    planning,
    repair,
    training,
    volumes,
)

__all__ = [
    "config",
    "evaluation",
    "inference",
    "integrations",
    "losses",
    "masks",
    "matching",
    "metrics",
    "persistence",
    "phantoms",
    "planning",
    "repair",
    "training",
    "volumes",
]

__version__: str
