"""Persistent homology, exact, with the voxels or simplices that create and destroy each feature.

``compute_persistence`` works on images, NumPy arrays and torch tensors, and gives ``PersistencePairs``;
``persistence_diagrams`` works on torch tensors and gives differentiable ``PersistenceDiagram`` objects.
``filtered_complex_persistence``, ``lower_star_persistence`` and ``rips_persistence`` work on simplicial complexes and
give differentiable ``SimplicialDiagram`` objects.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from segtopo.persistence.cubical import compute_persistence
from segtopo.persistence.pairs import Construction, Filtration, PersistencePairs

if TYPE_CHECKING:
    from segtopo.persistence.diagram import Diagram
    from segtopo.persistence.diagrams import (
        PersistenceDiagram,
        batch_persistence_diagrams,
        persistence_diagrams,
    )
    from segtopo.persistence.filtered_complex import filtered_complex_persistence, lower_star_persistence
    from segtopo.persistence.rips import rips_persistence
    from segtopo.persistence.simplicial_diagram import SimplicialDiagram

__all__ = [
    "Construction",
    "Diagram",
    "Filtration",
    "PersistenceDiagram",
    "PersistencePairs",
    "SimplicialDiagram",
    "batch_persistence_diagrams",
    "compute_persistence",
    "filtered_complex_persistence",
    "lower_star_persistence",
    "persistence_diagrams",
    "rips_persistence",
]

# torch is heavy: the differentiable half of the room loads when it is first asked for.
_MODULE_OF = {
    "Diagram": "diagram",
    "PersistenceDiagram": "diagrams",
    "SimplicialDiagram": "simplicial_diagram",
    "batch_persistence_diagrams": "diagrams",
    "filtered_complex_persistence": "filtered_complex",
    "lower_star_persistence": "filtered_complex",
    "persistence_diagrams": "diagrams",
    "rips_persistence": "rips",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"segtopo.persistence.{_MODULE_OF[name]}"), name)
