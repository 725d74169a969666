"""The optimal matching of two diagrams against brute force and the textbook formulation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from segtopo.errors import InputError
from segtopo.matching import match_wasserstein

Points = NDArray[np.float64]


def to_diagonal(points: Points) -> Points:
    return 0.5 * (points[:, 0] - points[:, 1]) ** 2


def squared_distances(first: Points, second: Points) -> Points:
    return ((first[:, None] - second[None]) ** 2).sum(axis=2)


def cost(first: Points, second: Points, match_all: bool = False) -> float:
    """What the matching found costs, once it is known to be a matching."""
    i, j = match_wasserstein(first, second, match_all=match_all)
    assert len(set(i)) == len(i) == len(set(j)) == len(j)
    assert (np.diff(i) > 0).all()
    rest = to_diagonal(np.delete(first, i, axis=0)).sum() + to_diagonal(np.delete(second, j, axis=0)).sum()
    return float(((first[i] - second[j]) ** 2).sum() + rest)


def wasserstein_cost(first: Points, second: Points) -> float:
    """The textbook problem of size n + m, with a copy of the diagonal for each point."""
    n, m = len(first), len(second)
    table = np.zeros((n + m, m + n))
    table[:n, :m] = squared_distances(first, second)
    table[:n, m:] = to_diagonal(first)[:, None]
    table[n:, :m] = to_diagonal(second)[None]
    return float(table[linear_sum_assignment(table)].sum())


def complete_cost(first: Points, second: Points) -> float:
    """The cheapest of all ways to pair every point of the shorter diagram."""
    if len(first) < len(second):
        first, second = second, first
    distances, free = squared_distances(first, second), to_diagonal(first)
    columns = np.arange(len(second))
    return float(
        min(
            distances[list(rows), columns].sum() + free.sum() - free[list(rows)].sum()
            for rows in itertools.permutations(range(len(first)), len(second))
        )
    )


def random_diagram(rng: np.random.Generator, n: int) -> Points:
    return -np.sort(-rng.random((n, 2)), axis=1)


@pytest.mark.parametrize("seed", range(40))
def test_wasserstein_matching_is_optimal(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = random_diagram(rng, rng.integers(0, 30)), random_diagram(rng, rng.integers(0, 12))
    assert cost(first, second) == pytest.approx(wasserstein_cost(first, second), abs=1e-12)


@pytest.mark.parametrize("seed", range(40))
def test_matching_with_a_binary_target_is_optimal(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = random_diagram(rng, rng.integers(0, 7)), np.tile([1.0, 0.0], (rng.integers(0, 5), 1))
    assert cost(first, second) == pytest.approx(wasserstein_cost(first, second), abs=1e-12)
    assert cost(first, second, match_all=True) == pytest.approx(complete_cost(first, second), abs=1e-12)


@pytest.mark.parametrize("seed", range(40))
def test_complete_matching_is_optimal(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = random_diagram(rng, rng.integers(0, 7)), random_diagram(rng, rng.integers(0, 5))
    i, _ = match_wasserstein(first, second, match_all=True)
    assert len(i) == min(len(first), len(second))
    assert cost(first, second, match_all=True) == pytest.approx(complete_cost(first, second), abs=1e-12)


def test_a_weak_bar_is_matched_only_if_all_are() -> None:
    weak, full = [[0.25, 0.0]], [[1.0, 0.0]]  # 0.75^2 exceeds 0.25^2 / 2 + 1 / 2
    assert len(match_wasserstein(weak, full)[0]) == 0
    assert len(match_wasserstein(weak, full, match_all=True)[0]) == 1


def test_a_long_target_among_short_ones() -> None:
    first = [[0.9, 0.85], [0.95, 0.1], [0.3, 0.1]]
    second = [[0.3, 0.2], [1.0, 0.0]]
    i, j = match_wasserstein(first, second)
    assert dict(zip(i.tolist(), j.tolist(), strict=True)) == {1: 1, 2: 0}


@pytest.mark.parametrize("infinity", [np.inf, -np.inf])
def test_essential_points_are_matched_with_one_another(infinity: float) -> None:
    first = [[0.9, infinity], [0.1, infinity], [0.8, 0.1]]
    second = [[0.8, 0.1], [0.0, infinity], [1.0, infinity]]
    i, j = match_wasserstein(first, second)
    assert dict(zip(i.tolist(), j.tolist(), strict=True)) == {0: 2, 1: 1, 2: 0}


def test_different_numbers_of_essential_points_are_refused() -> None:
    with pytest.raises(InputError, match="1 and 0 essential points"):
        match_wasserstein([[1.0, -np.inf]], [[1.0, 0.0]])


def test_other_shapes_are_refused() -> None:
    with pytest.raises(InputError, match=r"second: got shape \(1, 3\), expected \(n, 2\)"):
        match_wasserstein([[1.0, 0.0]], [[1.0, 0.0, 0.0]])


def test_a_large_diagram_needs_no_large_table() -> None:
    rng = np.random.default_rng(0)
    first, second = random_diagram(rng, 200_000), np.tile([1.0, 0.0], (5_000, 1))
    i, _ = match_wasserstein(first, second, match_all=True)  # a full table would take 8 GB
    assert len(i) == 5_000
