"""The oracles judge segtopo, so they are judged first: by known answers and by each other."""

import itertools

import numpy as np
import pytest
from scipy import ndimage

from oracles.complex_peers import gudhi_complex_diagrams, gudhi_rips_diagrams, ripser_diagrams
from oracles.euler import euler_characteristic
from oracles.images import FINITE_KINDS, KNOWN_IMAGES, random_shape
from oracles.masks import CONNECTIVITY_MASKS, MASKS
from oracles.minimax_paths import largest_smallest_value
from oracles.naive_persistence import naive_persistence
from oracles.peers import cripser_diagrams, gudhi_diagrams, sort_diagram
from oracles.simplicial import SURFACES, all_faces, flag_complex, naive_diagrams, random_complex, random_values

FILTRATIONS = ("superlevel", "sublevel")
CONSTRUCTIONS = ("V", "T")


def naive_image_diagrams(image, filtration, construction):
    bars = naive_persistence(image, filtration, construction)
    return [sort_diagram([(bar.birth, bar.death) for bar in of_dimension]) for of_dimension in bars]


@pytest.mark.parametrize("kind", FINITE_KINDS)
@pytest.mark.parametrize("ndim", [2, 3])
def test_naive_persistence_gudhi_and_cripser_agree(kind, ndim):
    rng = np.random.default_rng([ndim, *kind.encode()])
    for filtration, construction in itertools.product(FILTRATIONS, CONSTRUCTIONS):
        image = FINITE_KINDS[kind](rng, random_shape(rng, ndim))
        naive = naive_image_diagrams(image, filtration, construction)
        for peer in (gudhi_diagrams, cripser_diagrams):
            for ours, theirs in zip(naive, peer(image, filtration, construction), strict=True):
                np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("known", KNOWN_IMAGES, ids=lambda known: known.name)
@pytest.mark.parametrize("construction", CONSTRUCTIONS)
def test_naive_persistence_gives_the_known_diagrams(known, construction):
    diagrams = naive_image_diagrams(known.image, known.filtration, construction)
    for ours, expected in zip(diagrams, known.diagrams, strict=True):
        np.testing.assert_array_equal(ours, sort_diagram(expected))


@pytest.mark.parametrize("known", MASKS + CONNECTIVITY_MASKS, ids=lambda known: known.name)
def test_the_known_betti_numbers_are_those_of_cripser_and_of_the_euler_characteristic(known):
    for construction, betti in (("V", known.betti_v), ("T", known.betti_t)):
        diagrams = cripser_diagrams(known.mask, "superlevel", construction)
        born_in_the_foreground = tuple(int((diagram[:, 0] == 1).sum()) for diagram in diagrams)
        assert betti == born_in_the_foreground
        assert sum((-1) ** k * b for k, b in enumerate(betti)) == euler_characteristic(known.mask, construction)


@pytest.mark.parametrize("filtration", FILTRATIONS)
@pytest.mark.parametrize("seed", range(3))
def test_naive_persistence_of_complexes_and_gudhi_agree(seed, filtration):
    rng = np.random.default_rng(seed)
    complex_ = random_values(rng, random_complex(rng), levels=4)
    if filtration == "superlevel":
        complex_ = {simplex: -value for simplex, value in complex_.items()}
    peer = gudhi_complex_diagrams(complex_, filtration)
    for ours, theirs in zip(naive_diagrams(complex_, filtration), peer, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", SURFACES)
def test_naive_persistence_gives_the_betti_numbers_of_surfaces(name):
    triangles, betti = SURFACES[name]
    diagrams = naive_diagrams(dict.fromkeys(all_faces(triangles), 0.0))
    assert tuple(map(len, diagrams)) == betti


def test_naive_flag_complexes_gudhi_and_ripser_agree():
    upper = np.triu(np.random.default_rng(0).integers(1, 6, (9, 9)), 1).astype(float)
    distances = upper + upper.T
    naive = naive_diagrams(flag_complex(distances, 3, 4))[:3]
    for peer in (gudhi_rips_diagrams, ripser_diagrams):
        for ours, theirs in zip(naive, peer(distances, 2, 4), strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(("ndim", "connectivity"), [(2, 4), (2, 8), (3, 6), (3, 26)])
def test_the_largest_smallest_value_is_the_last_level_on_which_both_ends_are_connected(ndim, connectivity):
    rng = np.random.default_rng(connectivity)
    structure = ndimage.generate_binary_structure(ndim, 1 if connectivity == 2 * ndim else ndim)
    for _ in range(100):
        image = rng.integers(0, 12, random_shape(rng, ndim)).astype(float)
        start, goal = rng.choice(image.size, 2)
        ends = [np.arange(image.size).reshape(image.shape) == end for end in (start, goal)]
        levels = [ndimage.label(image >= level, structure)[0].ravel() for level in range(12)]
        connected = [level for level, labels in enumerate(levels) if labels[start] == labels[goal] != 0]
        assert largest_smallest_value(image, *ends, connectivity) == max(connected)


def test_between_no_voxels_there_is_no_path():
    image, nothing = np.ones((2, 3)), np.zeros((2, 3), bool)
    assert largest_smallest_value(image, nothing, ~nothing, 4) == -np.inf
    assert largest_smallest_value(image, ~nothing, nothing, 4) == -np.inf
