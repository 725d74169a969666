"""Tests of paired differences by their definitions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import product


def signed_rank_p(differences: Sequence[int]) -> float:
    """The two-sided p-value of Wilcoxon's signed-rank test, from all signs of the differences that are not 0."""
    sizes = [abs(d) for d in differences if d]
    ranks = [Fraction(sum(o < s for o in sizes) * 2 + sum(o == s for o in sizes) + 1, 2) for s in sizes]
    observed = sum(rank for rank, d in zip(ranks, [d for d in differences if d], strict=True) if d > 0)
    sums = [
        sum(rank for rank, sign in zip(ranks, signs, strict=True) if sign)
        for signs in product((0, 1), repeat=len(ranks))
    ]
    smaller, larger = sum(s <= observed for s in sums), sum(s >= observed for s in sums)
    return min(1.0, 2 * min(smaller, larger) / len(sums))


def holm_rejections(p_values: Sequence[float], level: float) -> list[bool]:
    """Which hypotheses Holm's procedure rejects: it stops at the first that it cannot reject."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    rejected = [False] * len(p_values)
    for step, i in enumerate(order):
        if p_values[i] > level / (len(p_values) - step):
            break
        rejected[i] = True
    return rejected


def rank_shares(values: Sequence[Sequence[float]], report: int, higher: bool) -> list[float]:
    """The exact shares of the ranks of a report over all samples of the cases with replacement."""
    cases, reports = len(values), len(values[0])
    shares = [0] * reports
    for sample in product(range(cases), repeat=cases):
        sums = [math.fsum(values[case][r] for case in sample) for r in range(reports)]
        better = sum((s > sums[report]) if higher else (s < sums[report]) for s in sums)
        shares[better] += 1
    return [share / cases**cases for share in shares]
