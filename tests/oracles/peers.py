"""The diagrams of other libraries, as sorted (n, 2) arrays of (birth, death), one per dimension.

All of them are for sublevel sets; superlevel is the sublevel of the negated image, negated back.
"""

from __future__ import annotations

import cripser
import gudhi
import numpy as np


def gudhi_diagrams(image: np.ndarray, filtration: str, construction: str) -> list[np.ndarray]:
    values, sign = _as_sublevel(image, filtration)
    given = "vertices" if construction == "V" else "top_dimensional_cells"
    complex_ = gudhi.CubicalComplex(**{given: values})
    complex_.compute_persistence(homology_coeff_field=2)
    return [sort_diagram(sign * complex_.persistence_intervals_in_dimension(k)) for k in range(image.ndim)]


def cripser_diagrams(image: np.ndarray, filtration: str, construction: str) -> list[np.ndarray]:
    values, sign = _as_sublevel(image, filtration)
    bars = _cripser_bars(values, construction)
    return [sort_diagram(sign * bars[bars[:, 0] == k, 1:3]) for k in range(image.ndim)]


def sort_diagram(diagram: np.ndarray) -> np.ndarray:
    """Rows in lexicographic order, so that two multisets are equal when the arrays are."""
    diagram = np.asarray(diagram, dtype=np.float64).reshape(-1, 2)
    return diagram[np.lexsort((diagram[:, 1], diagram[:, 0]))]


def _cripser_bars(values: np.ndarray, construction: str) -> np.ndarray:
    # In 2D, cripser's V-construction leaves an image one pixel wide unconnected; one slice in 3D is right.
    as_volume = values.reshape((1,) * (3 - values.ndim) + values.shape)
    bars = cripser.compute_ph(np.ascontiguousarray(as_volume), filtration=construction, maxdim=values.ndim - 1)
    return bars[bars[:, 1] != bars[:, 2]]


def _as_sublevel(image: np.ndarray, filtration: str) -> tuple[np.ndarray, float]:
    sign = -1.0 if filtration == "superlevel" else 1.0
    return sign * image.astype(np.float64), sign
