"""The statistics of a comparison against their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles.paired_tests import holm_rejections, rank_shares, signed_rank_p
from segtopo.evaluation.comparison import better_direction, bootstrap_interval
from segtopo.evaluation.comparison.differences import holm, paired_difference, signed_rank_test
from segtopo.evaluation.comparison.rankings import rank_reports

SMALL_P = st.floats(0, 1).map(lambda p: round(p, 4))
CASES = np.random.default_rng(3)


@given(st.lists(st.integers(-4, 9), min_size=6, max_size=9))
def test_the_signed_rank_test_enumerates_all_signs(differences: list[int]) -> None:
    p, note = signed_rank_test(np.array(differences, float))
    if sum(d != 0 for d in differences) < 6:
        assert math.isnan(p)
        assert note
    else:
        assert p == pytest.approx(signed_rank_p(differences))
        assert not note


def test_the_signed_rank_test_of_many_pairs_is_exact_without_ties() -> None:
    differences = np.array([-1, 2, -3, 4, 5, 6, 7, -8, 9, 10, 11, 12, 13, 14, 15], float)
    assert signed_rank_test(differences)[0] == pytest.approx(signed_rank_p(differences.astype(int).tolist()))


def test_the_signed_rank_test_of_many_ties_is_near_the_exact_one() -> None:
    differences = [1, 1, 1, 2, 2, -1, -1, 3, 3, 1, 2, 1, -2, 1, 1, -1]
    assert signed_rank_test(np.array(differences, float))[0] == pytest.approx(signed_rank_p(differences), abs=0.01)


def test_rounding_errors_are_no_differences() -> None:
    first = [0.1 + 0.2] * 7
    found = paired_difference("s", "dice", "higher", ("a", "b"), first, [0.3] * 7)
    assert (found.equal, found.mean, found.favoured, found.note) == (7, 0, None, "no case differs")


@given(st.lists(SMALL_P, min_size=1, max_size=7), st.sampled_from([0.01, 0.05, 0.2]))
def test_holm_rejects_the_same_hypotheses_as_the_procedure(p_values: list[float], level: float) -> None:
    corrected = holm(p_values)
    near = any(abs(p - level) < 1e-9 for p in corrected)
    assert near or [p <= level for p in corrected] == holm_rejections(p_values, level)


@given(st.lists(SMALL_P, min_size=1, max_size=7))
def test_holm_corrects_undefined_tests_as_if_they_were_not_there(p_values: list[float]) -> None:
    with_gaps = [value for p in p_values for value in (math.nan, p)]
    assert holm(with_gaps)[1::2] == holm(p_values)
    assert all(math.isnan(p) for p in holm(with_gaps)[::2])


def test_holm_of_no_test_is_empty() -> None:
    assert holm([]) == []


@pytest.mark.parametrize(
    ("first", "second", "pairs", "note"),
    [
        ([1.0] * 8, [1.0] * 8, 8, "no case differs"),
        ([1, 2, 3, 4, 5], [2, 3, 4, 5, 6], 5, "fewer than 6 cases differ"),
        ([1, 2, 3, 4, 5, 6, 7, 8], [2, 3, 4, 5, 6, 6, 7, 8], 8, "fewer than 6 cases differ"),
        ([math.nan, 1], [1, math.nan], 0, "no case has both values"),
        ([], [], 0, "no case has both values"),
    ],
)
def test_a_test_that_is_not_defined_says_why(first: list[float], second: list[float], pairs: int, note: str) -> None:
    found = paired_difference("s", "diu", "lower", ("a", "b"), first, second)
    assert (found.pairs, found.note) == (pairs, note)
    assert math.isnan(found.p)
    assert math.isnan(found.mean) == (pairs == 0)


def test_cases_without_both_values_are_left_out() -> None:
    found = paired_difference("s", "diu", "lower", ("a", "b"), [1, math.nan, 3, 5], [2, 100, math.nan, 4])
    assert (found.pairs, found.mean_first, found.mean_second, found.mean) == (2, 3, 3, 0)
    assert (found.larger, found.equal, found.smaller) == (1, 0, 1)


def test_an_exchange_of_the_reports_changes_the_sign_alone() -> None:
    a, b = CASES.normal(size=(2, 17))
    there = paired_difference("s", "dice", "higher", ("a", "b"), a, b)
    back = paired_difference("s", "dice", "higher", ("b", "a"), b, a)
    assert there.p == back.p
    assert there.mean == -back.mean
    assert there.favoured == back.favoured
    assert there.interval is not None
    assert there.interval == pytest.approx([-end for end in reversed(back.interval or ())], abs=0.02)


@pytest.mark.parametrize(("better", "favoured"), [("higher", "b"), ("lower", "a"), (None, None)])
def test_the_direction_decides_which_report_is_favoured(better: str, favoured: str) -> None:
    assert paired_difference("s", "x", better, ("a", "b"), [1, 2], [2, 2]).favoured == favoured  # type: ignore[arg-type]


@pytest.mark.parametrize("statistic", ["mean", "median"])
def test_intervals_of_many_normal_values_are_those_of_the_normal_distribution(statistic: str) -> None:
    values = CASES.normal(5, 2, size=400)
    low, high = bootstrap_interval(values, statistic)  # type: ignore[arg-type, misc]
    error = 2 / 20 * (1 if statistic == "mean" else math.sqrt(math.pi / 2))
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.2)
    assert low < 5 < high
    assert bootstrap_interval(values + 3, statistic) == pytest.approx((low + 3, high + 3))  # type: ignore[arg-type]


@pytest.mark.parametrize(("values", "expected"), [([], None), ([2.0], None), ([2, 2, 2], (2, 2))])
def test_intervals_of_no_spread(values: list[float], expected: tuple[float, float] | None) -> None:
    assert bootstrap_interval(values) == expected
    assert bootstrap_interval(values, "median") == expected


@pytest.mark.parametrize("better", ["higher", "lower"])
@pytest.mark.parametrize(
    "values",
    [
        [[0, 1], [1, 0], [5, 4]],
        [[3, 1, 2], [2, 2, 2], [0, 5, 1], [4, 4, 1]],
        [[1, 1, 0], [7, 7, 7]],
    ],
)
def test_the_shares_of_ranks_are_those_of_all_samples(values: list[list[float]], better: str) -> None:
    names = tuple("abc"[: len(values[0])])
    ranking = rank_reports("s", "x", better, names, values)  # type: ignore[arg-type]
    assert ranking is not None
    for report, shares in enumerate(ranking.shares):
        assert shares == pytest.approx(rank_shares(values, report, better == "higher"), abs=0.04)


def test_equal_reports_share_the_first_rank_in_every_sample() -> None:
    column = CASES.random(23)
    ranking = rank_reports("s", "dice", "higher", ("a", "b", "c"), np.stack([column, column, column - 0.1], axis=1))
    assert ranking is not None
    assert ranking.ranks == (1, 1, 3)
    assert ranking.shares == ((1, 0, 0), (1, 0, 0), (0, 0, 1))


def test_a_ranking_leaves_out_cases_with_a_missing_value() -> None:
    ranking = rank_reports("s", "diu", "lower", ("a", "b"), [[0, 9], [math.nan, 0], [4, 3]])
    assert ranking is not None
    assert (ranking.cases, ranking.means, ranking.ranks) == (2, (2, 6), (1, 2))
    assert rank_reports("s", "diu", "lower", ("a", "b"), [[math.nan, 0]]) is None


@pytest.mark.parametrize(
    ("score", "direction"),
    [
        ("dice", "higher"),
        ("cldice", "higher"),
        ("betti_matching_0_precision", "higher"),
        ("length_detected_largest", "higher"),
        ("nsd", "higher"),
        ("betti_0_error", "lower"),
        ("diu_1", "lower"),
        ("hd95_mm", "lower"),
        ("vi_split", "lower"),
        ("betti_0_prediction", None),
        ("volume_reference_mm3", None),
        ("area_reference_mm2", None),
        ("dicey", None),
    ],
)
def test_the_name_of_a_score_tells_its_direction(score: str, direction: str | None) -> None:
    assert better_direction(score) == direction
