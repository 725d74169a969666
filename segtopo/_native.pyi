"""The compiled kernel of segtopo."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

class NanError(ValueError): ...

Indices: TypeAlias = npt.NDArray[np.int64]
PairColumns: TypeAlias = tuple[Indices, Indices, Indices, Indices]
"""Image, dimension, birth index, death index."""

def cubical_persistence(
    images: npt.NDArray[Any],
    *,
    superlevel: bool,
    top_cells: bool,
    min_persistence: float = 0.0,
    last_value: float | None = None,
    num_threads: int,
) -> PairColumns: ...
def betti_matching(
    predictions: npt.NDArray[np.floating[Any]],
    targets: npt.NDArray[np.floating[Any]],
    *,
    superlevel: bool,
    top_cells: bool,
    threshold: float | None = None,
    num_threads: int,
) -> tuple[PairColumns, PairColumns, Indices]: ...
def joining_paths(
    image: npt.NDArray[np.floating[Any]],
    *,
    superlevel: bool,
    top_cells: bool,
    mask_value: float,
    last_value: float,
    num_threads: int,
) -> tuple[Indices, Indices, Indices, Indices]: ...
def add_simple_voxels(
    mask: npt.NDArray[np.uint8], candidates: Indices, added: npt.NDArray[np.uint8], *, top_cells: bool
) -> None: ...
def thin(mask: npt.NDArray[np.uint8]) -> None: ...
def find_contacts(
    labels: npt.NDArray[np.uint32], masks: npt.NDArray[np.uint8], steps: Indices
) -> tuple[Indices, Indices, Indices]: ...
def partial_assignment(
    row_starts: Indices,
    columns: Indices,
    costs: npt.NDArray[np.float64],
    row_mates: Indices,
    row_duals: npt.NDArray[np.float64],
    column_duals: npt.NDArray[np.float64],
    *,
    tolerance: float,
) -> None: ...
def bottleneck_matching(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> Indices: ...
def filtered_complex_persistence(
    vertex_count: int, facets: list[npt.NDArray[np.uint32]]
) -> list[tuple[Indices, Indices]]: ...
def rips_persistence(
    vertex_count: int, edges: Indices, lengths: npt.NDArray[np.float64], *, max_dimension: int
) -> list[tuple[Indices, Indices]]: ...
