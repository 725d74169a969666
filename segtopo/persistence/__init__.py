"""Persistent homology of images, exact, with the voxels that create and destroy each feature.

``compute_persistence`` works on NumPy arrays and torch tensors and gives ``PersistencePairs``;
``persistence_diagrams`` works on torch tensors and gives differentiable ``PersistenceDiagram`` objects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from segtopo.persistence.cubical import compute_persistence
from segtopo.persistence.pairs import Construction, Filtration, PersistencePairs

if TYPE_CHECKING:
    from segtopo.persistence.diagrams import (
        PersistenceDiagram,
        batch_persistence_diagrams,
        persistence_diagrams,
    )

__all__ = [
    "Construction",
    "Filtration",
    "PersistenceDiagram",
    "PersistencePairs",
    "batch_persistence_diagrams",
    "compute_persistence",
    "persistence_diagrams",
]


def __getattr__(name: str) -> Any:
    # torch is heavy: the differentiable half of the room loads when it is first asked for.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from segtopo.persistence import diagrams

    return getattr(diagrams, name)
