"""Components of masks against scipy, and the graph of pairs of components."""

import numpy as np
import pytest
from scipy import ndimage

from segtopo.masks.component_overlap import PairGraph
from segtopo.masks.components import bounding_box, label_components


@pytest.mark.parametrize("connectivity", [4, 8, 6, 26])
def test_labels_equal_those_of_scipy(connectivity: int) -> None:
    rng = np.random.default_rng(1)
    ndim = 2 if connectivity in (4, 8) else 3
    structure = ndimage.generate_binary_structure(ndim, 1 if connectivity in (4, 6) else ndim)
    for _ in range(300):
        mask = rng.random(rng.integers(1, 10, size=ndim)) < rng.random()
        labels, count = label_components(mask, connectivity)
        expected, expected_count = ndimage.label(mask, structure)
        assert count == expected_count
        pairs = set(zip(labels.ravel().tolist(), expected.ravel().tolist(), strict=True)) - {(0, 0)}
        assert len(pairs) == len(dict(pairs)) == count, "the labels name the same components"
        assert np.array_equal(labels > 0, mask)


def test_a_read_only_mask_is_labelled() -> None:
    mask = np.ones((3, 4, 5), dtype=bool)
    mask.flags.writeable = False
    assert label_components(mask, 26)[1] == label_components(mask.T, 6)[1] == 1


def test_the_bounding_box_holds_the_foreground_and_is_empty_without_one() -> None:
    mask = np.zeros((4, 5, 7), dtype=bool)
    assert mask[bounding_box(mask)].size == 0
    mask[1, 2, 5] = mask[3, 2, 1] = True
    assert bounding_box(mask) == (slice(1, 4), slice(2, 3), slice(1, 6))


NONE = np.zeros(0, dtype=int)


def test_components_are_matched_with_the_one_that_they_overlap_most() -> None:
    graph = PairGraph(np.array([1, 1, 2]), np.array([1, 2, 2]), np.array([3, 2, 1]), NONE, NONE, NONE)
    assert list(zip(graph.in_prediction, graph.in_reference, graph.matched, strict=True)) == [
        (1, 1, True),
        (1, 2, True),
        (2, 2, True),
    ]
    assert graph.pair_of(np.array([2, 1, 2, 3]), np.array([2, 2, 1, 1])).tolist() == [2, 1, -1, -1]


def test_a_pair_that_is_the_best_of_neither_component_is_not_matched() -> None:
    graph = PairGraph(np.array([1, 1, 2]), np.array([1, 2, 2]), np.array([3, 1, 3]), NONE, NONE, NONE)
    assert graph.matched[graph.pair_of(np.array([1, 1, 2]), np.array([1, 2, 2]))].tolist() == [True, False, True]


def test_the_areas_of_one_pair_add_up() -> None:
    graph = PairGraph(np.array([1, 1, 1, 2]), np.array([1, 2, 1, 2]), np.array([2, 3, 2, 5]), NONE, NONE, NONE)
    assert graph.matched[graph.pair_of(np.array([1, 1, 2]), np.array([1, 2, 2]))].tolist() == [True, False, True]


def test_components_that_touch_are_a_pair_if_they_overlap_no_other() -> None:
    graph = PairGraph(
        np.array([2]), np.array([2]), np.array([1]), np.array([1, 1, 2]), np.array([1, 2, 1]), np.array([3, 4, 2])
    )
    assert list(zip(graph.in_prediction, graph.in_reference, strict=True)) == [(1, 1), (2, 2)]
