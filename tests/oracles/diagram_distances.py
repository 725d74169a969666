"""Distances of small diagrams by trying every matching."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np


def all_matchings(n: int, m: int) -> Iterator[list[tuple[int, int]]]:
    """Every set of pairs of 0 .. n-1 with 0 .. m-1 in which none occurs twice."""
    for size in range(min(n, m) + 1):
        for rows in itertools.combinations(range(n), size):
            for columns in itertools.permutations(range(m), size):
                yield list(zip(rows, columns, strict=True))


def lengths_of(first: np.ndarray, second: np.ndarray, pairs: list[tuple[int, int]], norm: float) -> list[float]:
    """The distances of all finite points from their partners or from the diagonal."""
    matched = [robust_norm(first[i] - second[j], norm) for i, j in pairs]
    rest = [first[i] for i in range(len(first)) if i not in {i for i, _ in pairs}]
    rest += [second[j] for j in range(len(second)) if j not in {j for _, j in pairs}]
    return matched + [robust_norm(p - p.mean(), norm) for p in rest]


def essential_lengths(first: np.ndarray, second: np.ndarray, order: float) -> list[float]:
    """The differences of births of essential points in the cheapest of all their matchings."""
    births = first[np.isinf(first[:, 1]), 0], second[np.isinf(second[:, 1]), 0]
    if len(births[0]) != len(births[1]):
        return [np.inf]
    candidates = [list(np.abs(births[0] - permuted)) for permuted in itertools.permutations(births[1])]
    return min(candidates, key=lambda lengths: total(lengths, order))


def total(lengths: list[float], order: float) -> float:
    return robust_norm(np.array(lengths), order) if lengths else 0.0


def robust_norm(numbers: np.ndarray, order: float) -> float:
    """The norm of numbers whose powers may be too small for a float."""
    largest = float(np.abs(numbers).max())
    return largest * float(np.linalg.norm(numbers / largest, order)) if 0 < largest < np.inf else largest


def naive_distance(first: np.ndarray, second: np.ndarray, order: float, norm: float) -> float:
    """The Wasserstein distance, or with order inf and norm inf the bottleneck distance."""
    finite = [diagram[np.isfinite(diagram[:, 1])] for diagram in (first, second)]
    essential = essential_lengths(first, second, order)
    return min(
        total(lengths_of(*finite, pairs, norm) + essential, order)
        for pairs in all_matchings(len(finite[0]), len(finite[1]))
    )
