"""The greedy pairing of voxels against a search through all pairs, one pair after the other."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from segtopo.masks.nearest_pairs import nearest_pairs


def voxels(ndim: int, side: int) -> st.SearchStrategy[np.ndarray]:
    counts = st.integers(1, 25)
    return counts.flatmap(lambda n: npst.arrays(np.int64, (n, ndim), elements=st.integers(0, side - 1)))


def two_sets() -> st.SearchStrategy[tuple[np.ndarray, np.ndarray]]:
    spaces = st.tuples(st.sampled_from([2, 3]), st.sampled_from([3, 8, 90]))
    return spaces.flatmap(lambda space: st.tuples(voxels(*space), voxels(*space)))


def one_after_the_other(first: np.ndarray, second: np.ndarray, number: int) -> list[tuple[list[int], list[int]]]:
    """The voxels of the pairs, in their order."""

    def distance_then_voxels(pair: tuple[int, int]) -> tuple[int, list[list[int]]]:
        ends = first[pair[0]].tolist(), second[pair[1]].tolist()
        return int(((first[pair[0]] - second[pair[1]]) ** 2).sum()), sorted(ends)

    free = {(i, j) for i in range(len(first)) for j in range(len(second))}
    pairs = []
    for _ in range(number):
        i, j = min(free, key=distance_then_voxels)
        pairs.append((first[i].tolist(), second[j].tolist()))
        free = {pair for pair in free if pair[0] != i and pair[1] != j}
    return pairs


@given(sets=two_sets(), share=st.floats(0, 1), list_length=st.sampled_from([1, 20, 1 << 20]))
def test_pairs_are_those_of_a_search_through_all_pairs(
    sets: tuple[np.ndarray, np.ndarray], share: float, list_length: int
) -> None:
    first, second = sets
    number = round(share * min(len(first), len(second)))
    rows, other_rows = nearest_pairs(first, second, number, list_length)
    assert len(set(rows.tolist())) == len(set(other_rows.tolist())) == number
    found = list(zip(first[rows].tolist(), second[other_rows].tolist(), strict=True))
    assert sorted(found) == sorted(one_after_the_other(first, second, number))


@given(sets=two_sets(), share=st.floats(0, 1))
def test_pairs_do_not_depend_on_which_set_is_the_first(sets: tuple[np.ndarray, np.ndarray], share: float) -> None:
    first, second = sets
    number = round(share * min(len(first), len(second)))
    rows, other_rows = nearest_pairs(first, second, number)
    swapped_rows, swapped_other_rows = nearest_pairs(second, first, number)
    assert sorted(first[rows].tolist()) == sorted(first[swapped_other_rows].tolist())
    assert sorted(second[other_rows].tolist()) == sorted(second[swapped_rows].tolist())


def test_a_row_of_voxels_at_equal_distances_is_paired_from_one_end_to_the_other() -> None:
    row = np.zeros((3000, 3), dtype=np.int64)
    row[:, 2] = np.arange(3000)
    rows, other_rows = nearest_pairs(row[::2], row[1::2], 1500)
    assert np.array_equal(rows, np.arange(1500))
    assert np.array_equal(other_rows, np.arange(1500))
