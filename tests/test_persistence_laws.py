"""Theorems that hold for every image, on images that hypothesis picks."""

import itertools
import math
from collections import Counter

import gudhi
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from oracles.comparison import assert_same_diagrams, bars_of, diagrams_of
from oracles.euler import euler_characteristic
from oracles.peers import sort_diagram
from segtopo.persistence import compute_persistence

SHAPES = st.one_of(
    npst.array_shapes(min_dims=2, max_dims=2, max_side=8),
    npst.array_shapes(min_dims=3, max_dims=3, max_side=5),
)
FEW_LEVELS = npst.arrays(np.float64, SHAPES, elements=st.integers(-4, 4).map(float))
DISTINCT = st.tuples(SHAPES, st.integers(0, 2**32 - 1)).map(
    lambda drawn: np.random.default_rng(drawn[1]).permutation(math.prod(drawn[0])).reshape(drawn[0]).astype(float)
)
REALS = npst.arrays(np.float64, SHAPES, elements=st.floats(-1e6, 1e6))
every_setting = pytest.mark.parametrize(
    ("filtration", "construction"), list(itertools.product(["superlevel", "sublevel"], ["V", "T"]))
)


def bars(image, filtration, construction):
    return bars_of(compute_persistence(image, filtration=filtration, construction=construction))


def diagrams(image, filtration, construction):
    return diagrams_of(compute_persistence(image, filtration=filtration, construction=construction))


def with_voxels(counted, move):
    """The bars after `move` has been applied to the voxels they name."""
    return Counter(
        bar._replace(
            birth_voxel=move(bar.birth_voxel),
            death_voxel=bar.death_voxel if bar.essential else move(bar.death_voxel),
        )
        for bar in counted.elements()
    )


def with_values(counted, change):
    return Counter(
        bar._replace(birth=change(bar.birth), death=bar.death if bar.essential else change(bar.death))
        for bar in counted.elements()
    )


# Symmetries


@every_setting
@given(image=FEW_LEVELS, data=st.data())
def test_turning_and_mirroring_keeps_the_diagrams(filtration, construction, image, data):
    axes = data.draw(st.permutations(range(image.ndim)))
    flipped = data.draw(st.sets(st.sampled_from(range(image.ndim))))
    turned = np.flip(image.transpose(axes), tuple(flipped))
    assert_same_diagrams(diagrams(turned, filtration, construction), diagrams(image, filtration, construction))


@every_setting
@given(image=DISTINCT, data=st.data())
def test_turning_and_mirroring_moves_the_voxels_along(filtration, construction, image, data):
    axes = data.draw(st.permutations(range(image.ndim)))
    flipped = data.draw(st.sets(st.sampled_from(range(image.ndim))))
    turned = np.flip(image.transpose(axes), tuple(flipped))

    def move(voxel):
        turned_voxel = [voxel[axis] for axis in axes]
        return tuple(
            n - 1 - c if a in flipped else c for a, (c, n) in enumerate(zip(turned_voxel, turned.shape, strict=True))
        )

    assert bars(turned, filtration, construction) == with_voxels(bars(image, filtration, construction), move)


@pytest.mark.parametrize("construction", ["V", "T"])
@given(image=FEW_LEVELS | REALS)
def test_superlevel_sets_are_the_sublevel_sets_of_the_negative(construction, image):
    negative = with_values(bars(-image, "sublevel", construction), lambda value: -value)
    negative = Counter(bar._replace(death=-math.inf) if bar.essential else bar for bar in negative.elements())
    assert bars(image, "superlevel", construction) == negative


@every_setting
@pytest.mark.parametrize("change", [lambda x: 2 * x + 3, lambda x: x**3, np.exp, lambda x: x - 100])
@given(image=FEW_LEVELS)
def test_increasing_maps_change_values_but_no_voxel(filtration, construction, change, image):
    expected = with_values(bars(image, filtration, construction), lambda value: float(change(value)))
    assert bars(change(image), filtration, construction) == expected


@every_setting
@given(image=FEW_LEVELS, data=st.data())
def test_repeating_a_slice_keeps_the_diagrams(filtration, construction, image, data):
    axis = data.draw(st.sampled_from(range(image.ndim)))
    repeats = data.draw(st.lists(st.integers(1, 3), min_size=image.shape[axis], max_size=image.shape[axis]))
    stretched = np.repeat(image, repeats, axis)
    assert_same_diagrams(diagrams(stretched, filtration, construction), diagrams(image, filtration, construction))


@every_setting
@given(
    image=npst.arrays(np.float64, npst.array_shapes(min_dims=2, max_dims=2, max_side=8), elements=st.integers(-4, 4))
)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_image_is_a_volume_of_one_slice(filtration, construction, axis, image):
    def move(voxel):
        return (*voxel[:axis], 0, *voxel[axis:])

    flat = bars(image, filtration, construction)
    expected = Counter(
        bar._replace(
            birth_voxel=move(bar.birth_voxel),
            death_voxel=(-1,) * 3 if bar.essential else move(bar.death_voxel),
        )
        for bar in flat.elements()
    )
    assert bars(np.expand_dims(image, axis), filtration, construction) == expected


@pytest.mark.parametrize("filtration", ["superlevel", "sublevel"])
@given(
    image=npst.arrays(np.float64, npst.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(-4, 4))
)
def test_on_a_line_both_constructions_are_the_same(filtration, image):
    line = image.reshape(1, -1)
    assert_same_diagrams(diagrams(line, filtration, "V"), diagrams(line, filtration, "T"))


# Euler-Poincare


@every_setting
@given(image=FEW_LEVELS)
def test_bars_alive_at_a_level_add_up_to_its_euler_characteristic(filtration, construction, image):
    pairs = compute_persistence(image, filtration=filtration, construction=construction)
    for level in np.unique(image):
        if filtration == "superlevel":
            mask, alive = image >= level, (pairs.births >= level) & (pairs.deaths < level)
        else:
            mask, alive = image <= level, (pairs.births <= level) & (pairs.deaths > level)
        signs = (-1) ** pairs.dimensions[alive].astype(int)
        assert signs.sum() == euler_characteristic(mask, construction)


# Alexander duality


def dual_of_framed(image, filtration, construction):
    """What the framed image says about the image itself: dimensions k and d-1-k, births and deaths exchanged.

    The frame enters before everything else. It brings one component that never dies and a class of dimension
    d-1 that dies with the last voxel to enter, which is the image's first in the opposite filtration.
    """
    frame = image.max() + 1 if filtration == "superlevel" else image.min() - 1
    framed = diagrams(np.pad(image, 1, constant_values=frame), filtration, construction)
    never = math.inf if filtration == "superlevel" else -math.inf
    dual = []
    for diagram in framed[::-1]:
        deaths = np.where(diagram[:, 0] == frame, never, diagram[:, 0])
        dual.append(np.column_stack([diagram[:, 1], deaths])[np.isfinite(diagram[:, 1])])
    return [sort_diagram(diagram) for diagram in dual]


@pytest.mark.parametrize(("filtration", "opposite"), [("superlevel", "sublevel"), ("sublevel", "superlevel")])
@pytest.mark.parametrize(("construction", "dual"), [("V", "T"), ("T", "V")])
@given(image=FEW_LEVELS)
def test_alexander_duality(filtration, opposite, construction, dual, image):
    ours = diagrams(image, filtration, construction)
    assert_same_diagrams(ours, dual_of_framed(image, opposite, dual))


# Stability


@every_setting
@given(image=REALS, data=st.data())
def test_diagrams_move_no_further_than_the_image(filtration, construction, image, data):
    shift = data.draw(npst.arrays(np.float64, image.shape, elements=st.floats(-10, 10)))
    moved = image + shift
    sign = -1 if filtration == "superlevel" else 1
    for one, other in zip(
        diagrams(image, filtration, construction), diagrams(moved, filtration, construction), strict=True
    ):
        distance = gudhi.bottleneck_distance(sign * one, sign * other)
        assert distance <= np.abs(moved - image).max() * (1 + 1e-9) + 1e-9
