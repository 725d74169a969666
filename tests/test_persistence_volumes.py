"""Pairs of volumes of real size against cripser and GUDHI."""

import functools
import itertools

import numpy as np
import pytest

from oracles.comparison import assert_critical_voxels_exact, assert_same_diagrams, diagrams_of
from oracles.images import gyroid, smooth_noise, vessel_map, vessel_mask
from oracles.masks import checkerboard
from oracles.peers import cripser_diagrams, gudhi_diagrams
from segtopo.persistence import compute_persistence


def noise(shape, seed):
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def eight_bit_noise(shape, seed):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


MAKERS = {
    "vessel": vessel_map,
    "smooth": smooth_noise,
    "binary": vessel_mask,
    "noise": noise,
    "8 bit": eight_bit_noise,
    "gyroid": lambda shape, _: gyroid(shape),
    "checkerboard": lambda shape, _: checkerboard(shape),
    "blocks": lambda shape, seed: np.kron(
        eight_bit_noise([-(-n // 3) for n in shape], seed), np.ones([3] * len(shape))
    ),
}
make = functools.cache(lambda name, shape: MAKERS[name](shape, 7))


def check(image, peer, filtration, construction, least):
    pairs = compute_persistence(image, filtration=filtration, construction=construction)
    assert len(pairs.births) >= least
    assert_critical_voxels_exact(image, pairs)
    assert_same_diagrams(diagrams_of(pairs), peer(image, filtration, construction))


@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize(("name", "least"), [("vessel", 1000), ("smooth", 1000), ("binary", 5), ("noise", 100_000)])
def test_volumes_of_128_cubed_against_cripser(name, least, construction):
    check(make(name, (128, 128, 128)), cripser_diagrams, "superlevel", construction, least)


@pytest.mark.parametrize(
    ("filtration", "construction"), list(itertools.product(["superlevel", "sublevel"], ["V", "T"]))
)
@pytest.mark.parametrize("name", MAKERS)
def test_smaller_volumes_against_gudhi(name, filtration, construction):
    check(make(name, (21, 34, 27)), gudhi_diagrams, filtration, construction, 2)


@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("name", ["vessel", "smooth"])
def test_volumes_of_64_cubed_against_gudhi(name, construction):
    check(make(name, (64, 64, 64)), gudhi_diagrams, "sublevel", construction, 50)


@pytest.mark.parametrize(
    ("filtration", "construction"), list(itertools.product(["superlevel", "sublevel"], ["V", "T"]))
)
@pytest.mark.parametrize("name", MAKERS)
def test_images_against_gudhi(name, filtration, construction):
    check(make(name, (220, 310)), gudhi_diagrams, filtration, construction, 2)
