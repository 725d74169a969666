"""Distances of diagrams over the whole range of floats, of exponents and of matchings with an essential flag."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import torch

from oracles.diagram_distances import naive_distance
from segtopo.matching import bottleneck_distance, match_wasserstein, wasserstein_distance
from segtopo.matching.diagram_points import DiagramPoints
from segtopo.matching.wasserstein_matching import match_wasserstein_points
from segtopo.persistence import rips_persistence
from segtopo.persistence.barcodes import cubical_barcodes

DISTANCES = {
    "bottleneck": bottleneck_distance,
    **{
        f"W{order:g} of L{norm:g}": partial(wasserstein_distance, order=order, internal_p=norm)
        for order, norm in [(1.0, math.inf), (2.0, 2.0), (2.5, 1.0), (3.0, 7.0)]
    },
}
every_distance = pytest.mark.parametrize("distance", DISTANCES.values(), ids=DISTANCES)


def points(seed: int, n: int, infinity: float = -np.inf) -> np.ndarray:
    rng = np.random.default_rng(seed)
    finite = -np.sort(-rng.uniform(-1, 1, (n, 2)), axis=1)
    return np.concatenate([finite, [[rng.random(), infinity]]])


def value_and_gradients(distance, first, second, dtype):
    leaves = [torch.tensor(array, dtype=dtype, requires_grad=True) for array in (first, second)]
    value = distance(*leaves)
    value.backward()
    return value.item(), [leaf.grad.double().numpy() for leaf in leaves]


@pytest.mark.filterwarnings("error")
@every_distance
@pytest.mark.parametrize(
    ("dtype", "exponent"),
    [
        *[(torch.float64, exponent) for exponent in (1020, 600, 100, -100, -600, -1000)],
        *[(torch.float32, exponent) for exponent in (124, 80, -80, -100)],
    ],
)
def test_distances_scale_with_their_points_and_gradients_do_not_change(distance, dtype, exponent) -> None:
    first, second = (np.float32(points(seed, n)).astype(float) for seed, n in ((0, 30), (1, 20)))
    value, gradients = value_and_gradients(distance, first, second, dtype)
    scaled, of_scaled = value_and_gradients(distance, np.ldexp(first, exponent), np.ldexp(second, exponent), dtype)
    assert math.ldexp(scaled, -exponent) == pytest.approx(value, rel=1e-6)
    for one, other in zip(gradients, of_scaled, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-9)


@pytest.mark.filterwarnings("error")
@every_distance
@pytest.mark.parametrize("huge", [1e200, 1e308, -1.7e308])
def test_a_huge_point_among_ordinary_ones_sets_the_distance(distance, huge) -> None:
    ordinary = points(0, 30)
    alone = np.array([[huge, 0.0]])
    expected = distance(alone, np.empty((0, 2))).item()
    assert math.isfinite(expected)
    assert distance(np.concatenate([ordinary, alone]), ordinary[::-1]).item() == pytest.approx(expected)
    assert distance(ordinary[::-1], np.concatenate([alone, ordinary])).item() == pytest.approx(expected)


@pytest.mark.filterwarnings("error")
@every_distance
@pytest.mark.parametrize("huge", [1e100, 1e200, 1.7e308])
def test_a_huge_point_on_the_diagonal_changes_nothing(distance, huge) -> None:
    first, second = points(0, 30), points(1, 20)
    more = np.concatenate([[[huge, huge]], first])
    assert distance(more, second).item() == pytest.approx(distance(first, second).item())


@pytest.mark.filterwarnings("error")
def test_persistence_beyond_the_largest_float_is_measured_by_its_half() -> None:
    largest = np.finfo(np.float64).max
    wide = np.array([[largest, -largest]])
    assert bottleneck_distance(wide, np.empty((0, 2))).item() == largest
    assert wasserstein_distance(wide, np.empty((0, 2)), internal_p=np.inf).item() == largest


@pytest.mark.filterwarnings("error")
def test_a_huge_birth_of_an_essential_point_is_measured() -> None:
    first, second = np.array([[1e200, -np.inf], [0.5, 0.25]]), np.array([[1.0, -np.inf]])
    for distance in DISTANCES.values():
        assert distance(first, second).item() == pytest.approx(1e200)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("order", "norm"), [(60.0, 2.0), (300.0, np.inf), (2.0, 60.0), (40.0, 500.0)])
@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_high_exponents_of_short_bars(order, norm, shift) -> None:
    """Powers of distances near 1e-5 vanish, or nearly so, beside births near 1."""
    rng = np.random.default_rng(0)
    first = 1e-5 * -np.sort(-rng.random((3, 2)), axis=1)
    second = first[:2] + 1e-7 * rng.random((2, 2))
    expected = naive_distance(1e5 * first, 1e5 * second, order, norm) / 1e5
    found = wasserstein_distance(first + shift, second + shift, order=order, internal_p=norm).item()
    assert found == pytest.approx(expected, rel=1e-8 if shift == 0 else 1e-6)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("scale", [1.0, 1e160, 1e-200])
def test_a_complete_matching_does_not_depend_on_the_scale(scale) -> None:
    first, second = points(0, 30), points(1, 20)
    for expected, found in zip(
        match_wasserstein(first, second, match_all=True),
        match_wasserstein(scale * first, scale * second, match_all=True),
        strict=True,
    ):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("match_all", [False, True])
def test_points_may_be_essential_by_a_flag_instead_of_an_infinite_death(match_all) -> None:
    first, second = points(0, 9), points(1, 7)
    flagged = [
        DiagramPoints(np.where(np.isinf(diagram), 0.0, diagram), np.isinf(diagram[:, 1])) for diagram in (first, second)
    ]
    expected = match_wasserstein(first, second, match_all=match_all)
    for found, index in zip(match_wasserstein_points(*flagged, match_all=match_all), expected, strict=True):
        np.testing.assert_array_equal(found, index)


def test_the_bars_of_one_image_and_dimension_are_points() -> None:
    images = np.random.default_rng(0).random((3, 6, 7), np.float32)
    barcodes = cubical_barcodes(images, "superlevel", "T").ending_at(0)
    rows = barcodes.of(1, 0)
    diagram = DiagramPoints.of_barcodes(barcodes, rows)
    assert diagram.points[:, 0].tolist() == barcodes.births[rows].tolist()
    assert diagram.points[:, 1].tolist() == barcodes.deaths[rows].tolist()
    assert diagram.essential.sum() == 1
    assert diagram.points[diagram.essential].tolist() == [[images[1].max(), 0]]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("exponent", [1000, -1000])
def test_lengths_of_vietoris_rips_complexes_scale_with_their_points(exponent) -> None:
    cloud = np.random.default_rng(0).normal(size=(12, 3))
    results = []
    for scale in (0, exponent):
        leaf = torch.from_numpy(np.ldexp(cloud, scale)).requires_grad_()
        components, loops = rips_persistence(leaf)
        finite = torch.cat([components.deaths[~components.essential], loops.births, loops.deaths])
        finite.sum().backward()
        results.append((np.ldexp(finite.detach().numpy(), -scale), leaf.grad.numpy()))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-9)
