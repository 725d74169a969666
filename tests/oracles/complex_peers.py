"""The diagrams of simplicial complexes by other libraries, as sorted (n, 2) arrays of (birth, death), by dimension.

Pairs of zero persistence are left out.
"""

from __future__ import annotations

import gudhi
import numpy as np
import ripser

from oracles.peers import sort_diagram
from oracles.simplicial import Complex


def gudhi_complex_diagrams(complex_: Complex, filtration: str = "sublevel") -> list[np.ndarray]:
    sign = -1.0 if filtration == "superlevel" else 1.0
    tree = gudhi.SimplexTree()
    for simplex in sorted(complex_, key=len):
        tree.insert(simplex, sign * complex_[simplex])
    tree.compute_persistence(homology_coeff_field=2, persistence_dim_max=True)
    count = max(map(len, complex_))
    return [sort_diagram(sign * tree.persistence_intervals_in_dimension(k)) for k in range(count)]


def gudhi_rips_diagrams(distances: np.ndarray, max_dimension: int, max_edge: float) -> list[np.ndarray]:
    rips = gudhi.RipsComplex(distance_matrix=distances, max_edge_length=max_edge)
    tree = rips.create_simplex_tree(max_dimension=max_dimension + 1)
    tree.compute_persistence(homology_coeff_field=2, persistence_dim_max=True)
    return [sort_diagram(tree.persistence_intervals_in_dimension(k)) for k in range(max_dimension + 1)]


def ripser_diagrams(distances: np.ndarray, max_dimension: int, max_edge: float) -> list[np.ndarray]:
    """Of distances that float32 holds exactly."""
    found = ripser.ripser(distances, maxdim=max_dimension, thresh=max_edge, distance_matrix=True)["dgms"]
    return [sort_diagram(diagram[diagram[:, 0] != diagram[:, 1]]) for diagram in found]
