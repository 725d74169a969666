from .cubical import compute_persistence
from .cubical_diagram import PersistenceDiagram, batch_persistence_diagrams, persistence_diagrams
from .diagram import Diagram
from .filtered_complex import filtered_complex_persistence, lower_star_persistence
from .pair_files import write_pairs
from .pairs import Construction, Filtration, PersistencePairs
from .rips import rips_persistence
from .simplicial_diagram import SimplicialDiagram

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
    "write_pairs",
]
