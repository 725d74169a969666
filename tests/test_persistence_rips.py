"""Vietoris-Rips persistence of points, distances and graphs, against the definition, gudhi and ripser."""

import math
import os
import signal
import threading

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from oracles.comparison import assert_same_diagrams, sorted_diagrams
from oracles.complex_peers import gudhi_rips_diagrams, ripser_diagrams
from oracles.simplicial import euler_characteristic, flag_complex, naive_diagrams
from segtopo.persistence import rips_persistence

DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")),
]


def integer_distances(rng, n, levels):
    """Symmetric, without the triangle inequality: any graph has a flag complex."""
    upper = np.triu(rng.integers(1, levels + 1, (n, n)), 1).astype(float)
    return upper + upper.T


def sphere(n, seed=0, dimension=3):
    points = np.random.default_rng(seed).normal(size=(n, dimension))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def torus(n, seed=0):
    u, v = np.random.default_rng(seed).random((2, n)) * 2 * np.pi
    radius = 3 + np.cos(v)
    return np.stack([radius * np.cos(u), radius * np.sin(u), np.sin(v)], axis=1)


def naive_rips(distances, max_dimension, max_edge=math.inf):
    diagrams = naive_diagrams(flag_complex(distances, max_dimension + 1, max_edge))
    return [*diagrams, *[np.empty((0, 2))] * max_dimension][: max_dimension + 1]


def graph_of(distances):
    first, second = np.triu_indices(len(distances), 1)
    return np.stack([first, second], axis=1), distances[first, second]


# Against the definition and peers


@pytest.mark.parametrize("levels", [1, 3, 10, 10**6])
@pytest.mark.parametrize("max_edge", [math.inf, 2 / 3, 1 / 3])
@pytest.mark.parametrize("max_dimension", [0, 1, 2, 3])
def test_diagrams_are_those_of_the_whole_boundary_matrix(max_dimension, max_edge, levels):
    for seed in range(3):
        distances = integer_distances(np.random.default_rng(seed), 9, levels)
        longest = max_edge * levels
        expected = naive_rips(distances, max_dimension, longest)
        options = {"max_dimension": max_dimension, "max_edge": longest}
        assert_same_diagrams(sorted_diagrams(rips_persistence(distances=distances, **options)), expected)
        assert_same_diagrams(sorted_diagrams(rips_persistence(graph=graph_of(distances), **options)), expected)


@pytest.mark.parametrize("n", [13, 40])
@pytest.mark.parametrize("levels", [2, 20, 10**6])
@pytest.mark.parametrize("max_edge", [math.inf, 0.5, 0.25])
def test_diagrams_are_those_of_gudhi_and_ripser(n, levels, max_edge):
    distances = integer_distances(np.random.default_rng(n), n, levels)
    max_dimension, longest = 3 if n == 13 else 2, max_edge * levels
    ours = sorted_diagrams(rips_persistence(distances=distances, max_dimension=max_dimension, max_edge=longest))
    assert_same_diagrams(ours, gudhi_rips_diagrams(distances, max_dimension, longest))
    assert_same_diagrams(ours, ripser_diagrams(distances, max_dimension, longest))


@pytest.mark.parametrize(
    ("points", "max_dimension", "max_edge"),
    [
        (sphere(150), 2, math.inf),
        (sphere(150), 2, 0.7),
        (sphere(600), 1, 0.5),
        (torus(200), 1, math.inf),
        (sphere(150, dimension=2), 1, math.inf),
        (np.random.default_rng(0).integers(0, 5, (200, 3)), 1, math.inf),  # lattice points, some of them repeated
        (np.random.default_rng(0).integers(0, 4, (90, 3)), 2, 2.0),
    ],
)
def test_clouds_have_the_diagrams_of_gudhi_and_ripser(points, max_dimension, max_edge):
    points = np.float32(points)  # ripser's precision
    options = {"max_dimension": max_dimension, "max_edge": max_edge}
    ours = sorted_diagrams(rips_persistence(points, **options))
    distances = cdist(np.float64(points), np.float64(points)).astype(np.float32).astype(np.float64)
    assert_same_diagrams(ours, ripser_diagrams(distances, **options))
    assert_same_diagrams(ours, sorted_diagrams(rips_persistence(distances=distances, **options)))
    if len(points) <= 200 and max_dimension == 1:
        assert_same_diagrams(ours, gudhi_rips_diagrams(distances, **options))


@pytest.mark.parametrize("seed", range(4))
def test_a_sparse_graph_has_the_diagrams_of_its_distances(seed):
    rng = np.random.default_rng(seed)
    distances = integer_distances(rng, 120, 1000)
    edges, weights = graph_of(distances)
    shuffled = rng.permutation(len(edges))
    swapped = np.where(rng.random((len(edges), 1)) < 0.5, edges, edges[:, ::-1])
    for max_edge in (60, 300):  # lists of neighbours, and a matrix
        ours = rips_persistence(graph=(swapped[shuffled], weights[shuffled]), max_dimension=2, max_edge=max_edge)
        assert_same_diagrams(sorted_diagrams(ours), gudhi_rips_diagrams(distances, 2, max_edge))


def test_a_sphere_and_a_torus_show_their_classes():
    lifetimes = [d.deaths - d.births for d in rips_persistence(sphere(200), max_dimension=2)]
    assert lifetimes[2].max() > 5 * lifetimes[1].max() / 2
    loops = rips_persistence(torus(600))[1]
    longest = (loops.deaths - loops.births).sort(descending=True).values
    assert longest[1] > 1.5 * longest[2]


# Laws


@given(seed=st.integers(0, 2**32 - 1), levels=st.sampled_from([2, 6, 1000]))
def test_renumbering_the_points_keeps_the_values(seed, levels):
    rng = np.random.default_rng(seed)
    distances = integer_distances(rng, 12, levels)
    order = rng.permutation(12)
    renumbered = rips_persistence(distances=distances[np.ix_(order, order)], max_dimension=2)
    assert_same_diagrams(
        sorted_diagrams(renumbered), sorted_diagrams(rips_persistence(distances=distances, max_dimension=2))
    )


@given(seed=st.integers(0, 2**32 - 1))
def test_bars_alive_at_a_level_add_up_to_the_euler_characteristic(seed):
    distances = integer_distances(np.random.default_rng(seed), 6, 4)
    diagrams = rips_persistence(distances=distances, max_dimension=4)
    for level in range(5):
        alive = [int(((d.births <= level) & (d.deaths > level)).sum()) for d in diagrams]
        entered = flag_complex(distances, 5, level)
        assert sum((-1) ** k * count for k, count in enumerate(alive)) == euler_characteristic(entered)


@pytest.mark.parametrize("levels", [4, 1000])
def test_values_are_the_lengths_of_the_critical_edges(levels):
    distances = integer_distances(np.random.default_rng(0), 30, levels)
    components, *others = rips_persistence(distances=distances, max_dimension=2, max_edge=levels / 2)
    assert torch.equal(components.birth_simplices[:, 0], components.birth_simplices[:, 1])
    assert not components.births.any()
    for diagram in (components, *others):
        assert len(diagram) > 0
        assert (diagram.death_simplices[diagram.essential] == -1).all()
        assert (diagram.deaths[diagram.essential] == math.inf).all()
        finite = ~diagram.essential
        u, v = diagram.death_simplices[finite].T
        assert (u < v).all()
        np.testing.assert_array_equal(distances[u, v], diagram.deaths[finite])
    for diagram in others:
        u, v = diagram.birth_simplices.T
        np.testing.assert_array_equal(distances[u, v], diagram.births)
        assert (diagram.births.diff() >= 0).all()


# Small and degenerate


def test_one_point_and_repeated_points():
    for options in ({"points": [[1.0, 2.0]]}, {"distances": [[0.0]]}, {"points": np.ones((4, 2))}):
        components, loops = rips_persistence(**options)
        assert (components.births.tolist(), components.deaths.tolist(), len(loops)) == ([0], [math.inf], 0)
    (components,) = rips_persistence(np.ones((3, 0)), max_dimension=0)  # three points of a space of dimension 0
    assert len(components) == 1


def test_vertices_without_edges_are_counted_when_asked_for():
    graph = ([(0, 1)], [2.0])
    assert rips_persistence(graph=graph)[0].deaths.tolist() == [math.inf, 2.0]
    assert rips_persistence(graph=graph, num_vertices=4)[0].deaths.tolist() == [math.inf, 2.0, math.inf, math.inf]
    components, loops = rips_persistence(graph=(np.empty((0, 2), int), np.empty(0)), num_vertices=3)
    assert (components.essential.tolist(), len(loops)) == ([True] * 3, 0)


def test_infinite_distances_are_no_edges():
    distances = np.array([[0, 1, np.inf], [1, 0, np.inf], [np.inf, np.inf, 0]])
    assert rips_persistence(distances=distances)[0].deaths.tolist() == [math.inf, 1.0, math.inf]
    assert rips_persistence(graph=graph_of(distances))[0].deaths.tolist() == [math.inf, 1.0, math.inf]


def test_a_longest_edge_cuts_where_it_is_met():
    square = [[0, 0], [3, 0], [3, 4], [0, 4]]
    for max_edge, deaths in ((5, [5.0]), (4.9, [math.inf]), (4, [math.inf]), (3.9, [])):
        assert rips_persistence(square, max_edge=max_edge)[1].deaths.tolist() == deaths


# What is refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "got 0 of points, distances and graph, expected one"),
        ({"points": [[0.0]], "distances": [[0.0]]}, "got 2 of points, distances and graph, expected one"),
        ({"points": [0.0, 1.0]}, r"points: got shape \(2,\)"),
        ({"points": np.empty((0, 2))}, r"points: got shape \(0, 2\), expected \(n, d\) with n >= 1"),
        ({"points": [[0.0, math.nan]]}, r"points: got 1 NaN, the first at \(0, 1\)"),
        ({"points": [[0.0, math.inf]]}, "points: got 1 infinite coordinates"),
        ({"points": [[0.0]], "num_vertices": 3}, "num_vertices: got 3 without a graph"),
        ({"points": [[0.0]], "max_dimension": -1}, "max_dimension: got -1"),
        ({"points": [[0.0]], "max_edge": math.nan}, "max_edge: got nan"),
        ({"points": [[0.0]], "max_edge": -1}, "max_edge: got -1"),
        ({"distances": np.zeros((2, 3))}, r"distances: got shape \(2, 3\)"),
        ({"distances": np.zeros((0, 0))}, r"distances: got shape \(0, 0\)"),
        ({"distances": [[0, -1], [-1, 0]]}, r"distances: got -1.0 at \(0, 1\)"),
        ({"distances": [[0, 1], [2, 0]]}, r"got 1.0 at \(0, 1\) and 2.0 at \(1, 0\), expected a symmetric"),
        ({"distances": [[0, 1], [1, 3]]}, r"got 3.0 at \(1, 1\), expected 0 on the diagonal"),
        ({"graph": ([(0, 1)], [1.0, 2.0])}, r"weights: got shape \(2,\), expected \(1,\)"),
        ({"graph": ([(0, 1)], [-1.0])}, r"weights: got -1.0 at \(0,\)"),
        ({"graph": ([(0, 1)], [math.nan])}, "weights: got 1 NaN"),
        ({"graph": ([(0, 1, 2)], [1.0])}, r"edges: got shape \(1, 3\)"),
        ({"graph": ([(0, 0)], [1.0])}, r"edges: got \(0, 0\), expected two different"),
        ({"graph": ([(0, 1), (1, 0)], [1.0, 2.0])}, r"edges: got \(0, 1\), expected each edge once"),
        ({"graph": ([(0, -1)], [1.0])}, r"edges: got \(-1, 0\), expected vertices from 0"),
        ({"graph": ([(0, 3)], [1.0]), "num_vertices": 3}, r"edges: got \(0, 3\), expected vertices from 0 to 2"),
        (
            {"graph": (np.empty((0, 2), int), [])},
            "graph: got no edges and no num_vertices, expected",
        ),
    ],
)
def test_bad_inputs_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        rips_persistence(**options)


def test_bad_types_are_refused():
    with pytest.raises(TypeError, match="points: got dtype complex128"):
        rips_persistence([[1j]])
    with pytest.raises(TypeError, match="edges: got vertices of dtype float64"):
        rips_persistence(graph=([(0.0, 1.0)], [1.0]))


def test_more_simplices_than_can_be_numbered_are_refused():
    points = np.random.default_rng(0).random((300, 3))
    assert len(rips_persistence(points[:12], max_dimension=7)) == 8
    with pytest.raises(ValueError, match="more than 63 bits number"):
        rips_persistence(points, max_dimension=9)


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_stops_a_long_computation():
    points = sphere(900)  # takes more than half a minute
    timer = threading.Timer(0.7, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        rips_persistence(points, max_dimension=2)
    timer.join()


# Gradients and dtypes


def finite_bars(diagrams):
    return torch.cat([d.deaths[~d.essential] for d in diagrams] + [d.births for d in diagrams[1:]])


def test_derivatives_with_respect_to_points():
    points = torch.from_numpy(sphere(14)).requires_grad_()

    def bars(x):
        return finite_bars(rips_persistence(x, max_dimension=2))

    assert len(bars(points)) > 13
    assert torch.autograd.gradcheck(bars, points)
    assert torch.autograd.gradgradcheck(lambda x: bars(x) ** 3, points)


@pytest.mark.parametrize("form", ["distances", "graph"])
def test_derivatives_with_respect_to_lengths(form):
    edges, lengths = graph_of(cdist(sphere(10, dimension=2), sphere(10, dimension=2)))
    lengths = torch.from_numpy(lengths).requires_grad_()

    def bars(x):
        if form == "graph":
            return finite_bars(rips_persistence(graph=(edges, x)))
        upper = torch.zeros(10, 10, dtype=x.dtype).index_put(tuple(torch.from_numpy(edges.T)), x)
        return finite_bars(rips_persistence(distances=upper + upper.T))

    assert len(bars(lengths)) > 9
    assert torch.autograd.gradcheck(bars, lengths)
    assert torch.autograd.gradgradcheck(lambda x: bars(x) ** 3, lengths)


def test_the_gradient_of_distances_is_symmetric():
    distances = torch.from_numpy(cdist(sphere(12), sphere(12))).requires_grad_()
    (rips_persistence(distances=distances)[0].deaths[1:] ** 2).sum().backward()
    assert distances.grad.count_nonzero() == 22
    assert torch.equal(distances.grad, distances.grad.T)


def test_repeated_points_have_finite_gradients():
    points = torch.from_numpy(np.repeat(sphere(6), 2, axis=0)).requires_grad_()
    finite_bars(rips_persistence(points, max_dimension=2)).sum().backward()
    assert torch.isfinite(points.grad).all()


def test_dimensions_without_bars_keep_the_graph():
    points = torch.zeros(3, 2, requires_grad=True)
    components, loops = rips_persistence(points)
    (loops.births.sum() + loops.deaths.sum() + components.deaths[~components.essential].sum()).backward()
    assert torch.equal(points.grad, torch.zeros(3, 2))
    assert loops.birth_simplices.shape == loops.death_simplices.shape == (0, 2)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (torch.float16, torch.float16),
        (torch.bfloat16, torch.bfloat16),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
        (torch.int64, torch.float64),
    ],
)
def test_dtypes_and_devices_are_kept(dtype, expected, device):
    square = torch.tensor([[0, 0], [3, 0], [3, 4], [0, 4]]).to(device, dtype)
    lengths = torch.tensor([3, 4, 3, 4]).to(device, dtype)
    for options in (
        {"points": square},
        {"distances": torch.cdist(square.double(), square.double()).to(dtype)},
        {"graph": ([(0, 1), (1, 2), (2, 3), (0, 3)], lengths)},
    ):
        components, loops = rips_persistence(**options)
        assert components.deaths.tolist() == [math.inf, 3, 4, 3]
        assert loops.births.tolist() == [4]
        for values in (components.births, components.deaths, loops.births, loops.deaths):
            assert (values.dtype, values.device) == (expected, square.device)
        assert loops.birth_simplices.device == square.device
