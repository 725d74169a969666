"""The oracles judge segtopo, so they are judged first: by known answers and by each other."""

import itertools

import numpy as np
import pytest

from oracles.euler import euler_characteristic
from oracles.images import FINITE_KINDS, KNOWN_IMAGES, random_shape
from oracles.masks import CONNECTIVITY_MASKS, MASKS
from oracles.naive_persistence import naive_persistence
from oracles.peers import cripser_diagrams, gudhi_diagrams, sort_diagram

FILTRATIONS = ("superlevel", "sublevel")
CONSTRUCTIONS = ("V", "T")


def naive_diagrams(image, filtration, construction):
    bars = naive_persistence(image, filtration, construction)
    return [sort_diagram([(bar.birth, bar.death) for bar in of_dimension]) for of_dimension in bars]


@pytest.mark.parametrize("kind", FINITE_KINDS)
@pytest.mark.parametrize("ndim", [2, 3])
def test_naive_persistence_gudhi_and_cripser_agree(kind, ndim):
    rng = np.random.default_rng([ndim, *kind.encode()])
    for filtration, construction in itertools.product(FILTRATIONS, CONSTRUCTIONS):
        image = FINITE_KINDS[kind](rng, random_shape(rng, ndim))
        naive = naive_diagrams(image, filtration, construction)
        for peer in (gudhi_diagrams, cripser_diagrams):
            for ours, theirs in zip(naive, peer(image, filtration, construction), strict=True):
                np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("known", KNOWN_IMAGES, ids=lambda known: known.name)
@pytest.mark.parametrize("construction", CONSTRUCTIONS)
def test_naive_persistence_gives_the_known_diagrams(known, construction):
    diagrams = naive_diagrams(known.image, known.filtration, construction)
    for ours, expected in zip(diagrams, known.diagrams, strict=True):
        np.testing.assert_array_equal(ours, sort_diagram(expected))


@pytest.mark.parametrize("known", MASKS + CONNECTIVITY_MASKS, ids=lambda known: known.name)
def test_the_known_betti_numbers_are_those_of_cripser_and_of_the_euler_characteristic(known):
    for construction, betti in (("V", known.betti_v), ("T", known.betti_t)):
        diagrams = cripser_diagrams(known.mask, "superlevel", construction)
        born_in_the_foreground = tuple(int((diagram[:, 0] == 1).sum()) for diagram in diagrams)
        assert betti == born_in_the_foreground
        assert sum((-1) ** k * b for k, b in enumerate(betti)) == euler_characteristic(known.mask, construction)
