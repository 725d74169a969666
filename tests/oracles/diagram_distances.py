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


def ways(first: np.ndarray, second: np.ndarray, pairs: list[tuple[int, int]], norm: float) -> list[float]:
    """The lengths of all ways, to partners and to the diagonal, of finite points."""
    matched = [float(np.linalg.norm(first[i] - second[j], norm)) for i, j in pairs]
    rest = [first[i] for i in range(len(first)) if i not in {i for i, _ in pairs}]
    rest += [second[j] for j in range(len(second)) if j not in {j for _, j in pairs}]
    return matched + [float(np.linalg.norm(p - p.mean(), norm)) for p in rest]


def essential_ways(first: np.ndarray, second: np.ndarray, order: float) -> list[float]:
    """The differences of births of essential points in the cheapest of all their matchings."""
    births = first[np.isinf(first[:, 1]), 0], second[np.isinf(second[:, 1]), 0]
    if len(births[0]) != len(births[1]):
        return [np.inf]
    candidates = [list(np.abs(births[0] - permuted)) for permuted in itertools.permutations(births[1])]
    return min(candidates, key=lambda lengths: total(lengths, order))


def total(lengths: list[float], order: float) -> float:
    return float(np.linalg.norm(lengths, order)) if lengths else 0.0


def naive_distance(first: np.ndarray, second: np.ndarray, order: float, norm: float) -> float:
    """The Wasserstein distance, or with order inf and norm inf the bottleneck distance."""
    finite = [diagram[np.isfinite(diagram[:, 1])] for diagram in (first, second)]
    essential = essential_ways(first, second, order)
    return min(
        total(ways(*finite, pairs, norm) + essential, order) for pairs in all_matchings(len(finite[0]), len(finite[1]))
    )
