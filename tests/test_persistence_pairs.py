"""Pairs and critical voxels of small hostile images against a naive computation and other libraries."""

import itertools
from collections import Counter

import numpy as np
import pytest

from oracles.comparison import assert_critical_voxels_exact, assert_same_diagrams, bars_of, diagrams_of
from oracles.images import FINITE_KINDS, KINDS, KNOWN_IMAGES, random_shape
from oracles.masks import CONNECTIVITY_MASKS, MASKS
from oracles.naive_persistence import naive_persistence
from oracles.peers import cripser_diagrams, gudhi_diagrams
from segtopo.persistence import compute_persistence

SETTINGS = list(itertools.product(("superlevel", "sublevel"), ("V", "T")))
ROUNDS = 11
CASES = list(itertools.product(KINDS, (2, 3), range(ROUNDS)))


def draw(kind, ndim, round_):
    rng = np.random.default_rng([ndim, round_, *kind.encode()])
    return KINDS[kind](rng, random_shape(rng, ndim))


def naive_bars(image, filtration, construction):
    return Counter(itertools.chain.from_iterable(naive_persistence(image, filtration, construction)))


def test_there_are_at_least_500_random_cases():
    assert len(CASES) >= 500


@pytest.mark.parametrize(("kind", "ndim", "round_"), CASES)
def test_pairs_and_voxels_are_those_of_the_naive_computation_and_of_the_peers(kind, ndim, round_):
    image = draw(kind, ndim, round_)
    for filtration, construction in SETTINGS:
        pairs = compute_persistence(image, filtration=filtration, construction=construction)
        assert bars_of(pairs) == naive_bars(image, filtration, construction)
        assert_critical_voxels_exact(image, pairs)
        if kind in FINITE_KINDS:  # the peers give infinite values a meaning of their own
            assert_same_diagrams(diagrams_of(pairs), gudhi_diagrams(image, filtration, construction))
            assert_same_diagrams(diagrams_of(pairs), cripser_diagrams(image, filtration, construction))


@pytest.mark.parametrize("shape", [(31, 38), (8, 9, 7), (1, 23, 14), (3, 2, 40)])
@pytest.mark.parametrize("levels", [3, 12, 10**6])
@pytest.mark.parametrize(("filtration", "construction"), SETTINGS)
def test_voxels_on_larger_images(shape, levels, filtration, construction):
    image = np.random.default_rng([levels, *shape]).integers(0, levels, shape)
    pairs = compute_persistence(image, filtration=filtration, construction=construction)
    assert bars_of(pairs) == naive_bars(image, filtration, construction)


@pytest.mark.parametrize(("filtration", "construction"), SETTINGS)
@pytest.mark.parametrize("shape", [(2, 3), (3, 2), (2, 1, 3), (2, 2, 2)])
def test_every_binary_image_of_a_few_voxels(shape, filtration, construction):
    for bits in itertools.product((0.0, 1.0), repeat=int(np.prod(shape))):
        image = np.reshape(bits, shape)
        pairs = compute_persistence(image, filtration=filtration, construction=construction)
        assert bars_of(pairs) == naive_bars(image, filtration, construction), image.tolist()


@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("known", KNOWN_IMAGES, ids=lambda known: known.name)
def test_known_diagrams(known, construction):
    pairs = compute_persistence(known.image, filtration=known.filtration, construction=construction)
    for k, expected in enumerate(known.diagrams):
        ours = pairs.of_dimension(k)
        assert Counter(zip(ours.births.tolist(), ours.deaths.tolist(), strict=True)) == Counter(expected)


@pytest.mark.parametrize("known", MASKS + CONNECTIVITY_MASKS, ids=lambda known: known.name)
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float32])
def test_the_bars_born_in_a_mask_are_its_betti_numbers(known, dtype):
    for construction, betti in (("V", known.betti_v), ("T", known.betti_t)):
        pairs = compute_persistence(known.mask.astype(dtype), construction=construction)
        born = pairs.dimensions[pairs.births == 1]
        assert tuple(np.bincount(born, minlength=known.mask.ndim).tolist()) == betti


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (1, 1, 1), (1, 1, 5), (4, 1, 1), (1, 6, 1), (5, 1, 3)])
def test_thin_images(shape, dtype):
    image = np.random.default_rng(shape).integers(0, 4, shape).astype(dtype)
    for filtration, construction in SETTINGS:
        pairs = compute_persistence(image, filtration=filtration, construction=construction)
        assert bars_of(pairs) == naive_bars(image, filtration, construction)
