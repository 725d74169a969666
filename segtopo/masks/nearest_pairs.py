"""The nearest pairs of two sets of voxels, each voxel in at most one pair."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

Voxels = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int64]


def nearest_pairs(first: Voxels, second: Voxels, number: int, list_length: int = 1 << 20) -> tuple[Rows, Rows]:
    """Pairs the voxels of two sets greedily: the nearest pair, then the nearest pair of the other voxels, and so on.

    All pairs up to some distance are listed, and the distance grows. No two voxels that remain are nearer, so each list
    is short, and the time grows with the number of voxels nearly as that of sorting.

    Args:
        first: ``(n, ndim)`` voxels.
        second: ``(m, ndim)`` voxels. Pairs of equal distance are taken in an order that does not depend on which set is
            the first.
        number: Number of pairs, at most ``min(n, m)``.
        list_length: Number of pairs that are listed at a time; more if so many have one distance.

    Returns:
        The rows of the pairs in the two sets, the nearest pair first.
    """
    chosen: list[tuple[int, int]] = []
    rows, other_rows = np.arange(len(first)), np.arange(len(second))
    squared, step = 0, 1  # squared distance up to which all pairs are taken, and its last growth
    while len(chosen) < number:
        tree, other_tree = KDTree(first[rows]), KDTree(second[other_rows])
        step = _growth(tree, other_tree, squared, 2 * step, list_length)
        squared += step
        near = tree.sparse_distance_matrix(other_tree, np.sqrt(squared + 0.5), output_type="ndarray")
        found = _pair_greedily(*_nearest_first(first, second, rows[near["i"]], other_rows[near["j"]]))
        chosen += found
        rows, other_rows = (
            np.setdiff1d(remaining, [pair[side] for pair in found]) for side, remaining in enumerate((rows, other_rows))
        )
    pairs = np.array(chosen[:number], dtype=np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _growth(tree: KDTree, other_tree: KDTree, squared: int, growth: int, list_length: int) -> int:
    """Returns the growth of the squared distance, halved until there are not too many pairs up to the distance."""
    if tree.n * other_tree.n <= list_length:
        spread = np.maximum(tree.maxes, other_tree.maxes) - np.minimum(tree.mins, other_tree.mins)
        return int((spread**2).sum())
    while growth > 1 and tree.count_neighbors(other_tree, np.sqrt(squared + growth + 0.5)) > list_length:
        growth //= 2
    return growth


def _nearest_first(first: Voxels, second: Voxels, rows: Rows, other_rows: Rows) -> tuple[Rows, Rows]:
    """Sorts pairs of rows by the distance of their voxels, then by the voxels, whichever set they are of."""
    voxels, others = first[rows], second[other_rows]
    base = max(int(voxels.max(initial=0)), int(others.max(initial=0))) + 1
    powers = base ** np.arange(voxels.shape[1])[::-1]
    codes, other_codes = voxels @ powers, others @ powers
    squared_distances = ((voxels - others) ** 2).sum(axis=1)
    order = np.lexsort((np.maximum(codes, other_codes), np.minimum(codes, other_codes), squared_distances))
    return rows[order], other_rows[order]


def _pair_greedily(rows: Rows, other_rows: Rows) -> list[tuple[int, int]]:
    """Takes the pairs in their order and leaves out those with a row that is in a pair already."""
    taken: set[int] = set()
    other_taken: set[int] = set()
    pairs = []
    for row, other in zip(rows.tolist(), other_rows.tolist(), strict=True):
        if row not in taken and other not in other_taken:
            taken.add(row)
            other_taken.add(other)
            pairs.append((row, other))
    return pairs
