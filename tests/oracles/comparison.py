"""What the result of `compute_persistence` is reduced to before it is compared."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from oracles.naive_persistence import Bar
from oracles.peers import sort_diagram

if TYPE_CHECKING:
    from segtopo.persistence import Diagram, PersistencePairs


def bars_of(pairs: PersistencePairs) -> Counter[Bar]:
    """The pairs as a multiset: values exactly, voxels exactly, in no particular order."""
    columns = (pairs.dimensions, pairs.births, pairs.deaths, pairs.birth_voxels, pairs.death_voxels)
    return Counter(
        Bar(k, birth, death, tuple(birth_voxel), tuple(death_voxel))
        for k, birth, death, birth_voxel, death_voxel in zip(*(c.tolist() for c in columns), strict=True)
    )


def diagrams_of(pairs: PersistencePairs) -> list[np.ndarray]:
    """The sorted (birth, death) pairs of every dimension 0 .. ndim - 1."""
    births, deaths = (np.asarray(values, np.float64) for values in (pairs.births, pairs.deaths))
    by_dimension = [pairs.dimensions == k for k in range(len(pairs.shape))]
    return [sort_diagram(np.column_stack([births[of_k], deaths[of_k]])) for of_k in by_dimension]


def sorted_diagrams(diagrams: list[Diagram]) -> list[np.ndarray]:
    """The sorted (birth, death) pairs of differentiable diagrams."""
    points = [np.stack([d.births.detach().numpy(), d.deaths.detach().numpy()], axis=1) for d in diagrams]
    return [sort_diagram(pairs) for pairs in points]


def assert_same_diagrams(ours: list[np.ndarray], theirs: list[np.ndarray]) -> None:
    for k, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        np.testing.assert_array_equal(one, other, err_msg=f"dimension {k}")


def assert_critical_voxels_exact(image: np.ndarray, pairs: PersistencePairs) -> None:
    """Every birth and finite death is the value of the voxel named for it; essential classes name none."""
    finite = ~pairs.essential
    np.testing.assert_array_equal(image[tuple(pairs.birth_voxels.T)], pairs.births)
    np.testing.assert_array_equal(image[tuple(pairs.death_voxels[finite].T)], pairs.deaths[finite])
    assert (pairs.death_voxels[pairs.essential] == -1).all()
    assert (pairs.deaths[pairs.essential] == (-np.inf if pairs.filtration == "superlevel" else np.inf)).all()
