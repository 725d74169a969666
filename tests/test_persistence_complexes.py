"""Filtered simplicial complexes: values on simplices and lower stars of vertices, against the definition and gudhi."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from oracles.comparison import assert_same_diagrams, diagrams_of, sorted_diagrams
from oracles.complex_peers import gudhi_complex_diagrams
from oracles.simplicial import (
    SURFACES,
    all_faces,
    euler_characteristic,
    naive_diagrams,
    naive_pairs,
    random_complex,
    random_values,
)
from segtopo.persistence import (
    Diagram,
    SimplicialDiagram,
    compute_persistence,
    filtered_complex_persistence,
    lower_star_persistence,
)

FILTRATIONS = ("sublevel", "superlevel")
every_filtration = pytest.mark.parametrize("filtration", FILTRATIONS)
DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")),
]
TRIANGLE = [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]


def named_pairs(diagrams):
    """The vertices of the birth and death simplices, None for the death of none."""
    return {
        (tuple(birth), None if essential else tuple(death))
        for d in diagrams
        for birth, death, essential in zip(
            d.birth_simplices.tolist(), d.death_simplices.tolist(), d.essential.tolist(), strict=True
        )
    }


def signed(complex_, filtration):
    sign = -1 if filtration == "superlevel" else 1
    return {simplex: sign * value for simplex, value in complex_.items()}


def drawn_complex(seed, levels, filtration="sublevel", **options):
    rng = np.random.default_rng(seed)
    return signed(random_values(rng, random_complex(rng, **options), levels), filtration)


def persistence_of(complex_, filtration="sublevel"):
    return filtered_complex_persistence(list(complex_), list(complex_.values()), filtration=filtration)


# Values on simplices


@every_filtration
@pytest.mark.parametrize("levels", [1, 3, 1000])
@pytest.mark.parametrize("seed", range(8))
def test_pairs_are_those_of_the_whole_boundary_matrix(seed, levels, filtration):
    complex_ = drawn_complex(seed, levels, filtration)
    simplices, sign = list(complex_), -1 if filtration == "superlevel" else 1
    diagrams = persistence_of(complex_, filtration)
    expected = {
        (simplices[i], None if j is None else simplices[j])
        for i, j in naive_pairs(simplices, lambda i: sign * complex_[simplices[i]])
        if j is None or complex_[simplices[i]] != complex_[simplices[j]]
    }
    assert named_pairs(diagrams) == expected
    assert_same_diagrams(sorted_diagrams(diagrams), naive_diagrams(complex_, filtration))
    assert_same_diagrams(sorted_diagrams(diagrams), gudhi_complex_diagrams(complex_, filtration))


@every_filtration
def test_values_are_those_of_the_critical_simplices(filtration):
    complex_ = drawn_complex(3, 6, filtration, vertices=12, count=40)
    never = -math.inf if filtration == "superlevel" else math.inf
    diagrams = persistence_of(complex_, filtration)
    assert sum(map(len, diagrams)) > 10
    for k, diagram in enumerate(diagrams):
        assert isinstance(diagram, SimplicialDiagram | Diagram)
        assert (diagram.dimension, diagram.birth_simplices.shape[1], diagram.death_simplices.shape[1]) == (
            k,
            k + 1,
            k + 2,
        )
        assert diagram.births.tolist() == [complex_[tuple(simplex)] for simplex in diagram.birth_simplices.tolist()]
        deaths = [
            never if essential else complex_[tuple(simplex)]
            for simplex, essential in zip(diagram.death_simplices.tolist(), diagram.essential.tolist(), strict=True)
        ]
        assert diagram.deaths.tolist() == deaths
        assert (diagram.death_simplices[diagram.essential] == -1).all()
        births = diagram.births if filtration == "sublevel" else -diagram.births
        assert (births.diff() >= 0).all()


@pytest.mark.parametrize("top", [5, 6])
def test_complexes_of_more_dimensions(top):
    complex_ = drawn_complex(top, 5, vertices=9, count=9, top=top)
    assert_same_diagrams(sorted_diagrams(persistence_of(complex_)), naive_diagrams(complex_))


@pytest.mark.parametrize("name", SURFACES)
def test_surfaces_have_their_betti_numbers(name):
    triangles, betti = SURFACES[name]
    faces = all_faces(triangles)
    assert euler_characteristic(faces) == betti[0] - betti[1] + betti[2]
    for diagrams in (
        filtered_complex_persistence(faces, np.zeros(len(faces))),
        lower_star_persistence(triangles, np.zeros(7)),
    ):
        assert [len(d) for d in diagrams] == list(betti)
        assert all(d.essential.all() for d in diagrams)


@given(seed=st.integers(0, 2**32 - 1))
def test_bars_alive_at_a_level_add_up_to_the_euler_characteristic(seed):
    complex_ = drawn_complex(seed, 4)
    diagrams = persistence_of(complex_)
    for level in set(complex_.values()):
        alive = [int(((d.births <= level) & (d.deaths > level)).sum()) for d in diagrams]
        entered = [simplex for simplex, value in complex_.items() if value <= level]
        assert sum((-1) ** k * count for k, count in enumerate(alive)) == euler_characteristic(entered)


@given(seed=st.integers(0, 2**32 - 1), data=st.data())
def test_renaming_the_vertices_and_mixing_the_simplices_keeps_the_values(seed, data):
    complex_ = drawn_complex(seed, 3)
    names = data.draw(st.permutations([3, 1, 4, 15, 9, 2, 6, 53]))
    mixed = data.draw(st.permutations(list(complex_)))
    renamed = {tuple(names[v] for v in simplex): complex_[simplex] for simplex in mixed}
    assert_same_diagrams(sorted_diagrams(persistence_of(renamed)), sorted_diagrams(persistence_of(complex_)))


def test_arrays_by_dimension_take_their_values_one_after_the_other():
    complex_ = drawn_complex(5, 4)
    by_size = [[s for s in complex_ if len(s) == size] for size in (1, 2, 3, 4)]
    values = [complex_[simplex] for simplices in by_size for simplex in simplices]
    arrays = [np.array(simplices) for simplices in by_size]
    for given_ in (arrays, [torch.from_numpy(array) for array in arrays], [array.astype(np.uint8) for array in arrays]):
        assert_same_diagrams(sorted_diagrams(filtered_complex_persistence(given_, values)), naive_diagrams(complex_))
    last_first = filtered_complex_persistence(
        arrays[::-1], [complex_[simplex] for simplices in by_size[::-1] for simplex in simplices]
    )
    assert_same_diagrams(sorted_diagrams(last_first), naive_diagrams(complex_))


def test_a_complex_of_vertices_and_one_of_a_single_vertex():
    (diagram,) = filtered_complex_persistence([(4,), (2,)], [1, 0])
    assert (diagram.births.tolist(), diagram.birth_simplices.tolist()) == ([0.0, 1.0], [[2], [4]])
    assert diagram.death_simplices.tolist() == [[-1, -1]] * 2
    (diagram,) = lower_star_persistence([(0,)], [7.0])
    assert (diagram.births.tolist(), diagram.deaths.tolist()) == ([7.0], [math.inf])


def test_infinite_values_are_values():
    values = [-math.inf, 0, math.inf, 0, math.inf, math.inf, math.inf]
    components, loops, _ = filtered_complex_persistence(TRIANGLE, values)
    assert list(zip(components.births.tolist(), components.deaths.tolist(), strict=True)) == [(-math.inf, math.inf)]
    assert components.essential.tolist() == [True]
    assert len(loops) == 0


# What is refused


@pytest.mark.parametrize(
    ("simplices", "values", "message"),
    [
        ([], [], "simplices: got none"),
        ([(0,), (0, 1)], [0, 1], r"got \(0, 1\) without its face \(1,\)"),
        ([(0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)], range(6), r"got \(0, 1, 2\) without its face \(0, 2\)"),
        ([(0,), (1,), (0,)], [0, 0, 0], r"got \(0,\) twice"),
        ([(0,), (1,), (0, 1), (1, 0)], [0, 0, 0, 0], r"got \(0, 1\) twice"),
        ([(0,), (0, 0)], [0, 0], r"got \(0, 0\), expected different vertices"),
        ([(-1,)], [0], "got the vertex -1"),
        ([()], [0], "shape"),
        ([(0,), (1,), (0, 1)], [0, 2, 1], r"values: got 1.0 for \(0, 1\) and 2.0 for its face \(1,\)"),
        ([(0,), (1,)], [0, 1, 2], r"values: got shape \(3,\), expected \(2,\)"),
        ([(0,), (1,)], [0, math.nan], r"values: got 1 NaN, the first at \(1,\)"),
    ],
)
def test_bad_complexes_are_refused(simplices, values, message):
    with pytest.raises(ValueError, match=message):
        filtered_complex_persistence(simplices, list(values))


def test_under_superlevel_cofaces_have_no_more_than_their_faces():
    with pytest.raises(ValueError, match=r"got 1.0 for \(0, 1\) and 0.0 for its face \(0,\), expected no more"):
        filtered_complex_persistence([(0,), (1,), (0, 1)], [0, 1, 1], filtration="superlevel")


def test_bad_types_are_refused():
    with pytest.raises(TypeError, match="values: got dtype complex128"):
        filtered_complex_persistence([(0,)], [1j])
    with pytest.raises(TypeError, match="simplices: got vertices of dtype float64"):
        filtered_complex_persistence([(0.5,)], [1])
    with pytest.raises(ValueError, match="filtration: got 'up'"):
        filtered_complex_persistence([(0,)], [1], filtration="up")


def test_vertices_without_values_are_refused():
    with pytest.raises(ValueError, match="got 2 values, expected at least 4, for vertex 3"):
        lower_star_persistence([(0, 3)], [1, 2])
    with pytest.raises(ValueError, match=r"vertex_values: got shape \(2, 2\)"):
        lower_star_persistence([(0, 1)], np.zeros((2, 2)))


# Lower stars


@every_filtration
@pytest.mark.parametrize("levels", [2, 1000])
@pytest.mark.parametrize("seed", range(6))
def test_lower_stars_are_those_of_the_definition(seed, levels, filtration):
    rng = np.random.default_rng(seed)
    simplices = random_complex(rng)
    values = rng.integers(levels, size=8)
    sign = -1 if filtration == "superlevel" else 1
    faces = all_faces(simplices)
    last = {face: max(face, key=lambda v: (sign * values[v], v)) for face in faces}
    maximal = [s for s in simplices if not any(set(s) < set(other) for other in simplices)]
    diagrams = lower_star_persistence(maximal, values, filtration=filtration)
    expected = {
        ((last[faces[i]],), None if j is None else (last[faces[j]],))
        for i, j in naive_pairs(faces, lambda i: (sign * values[last[faces[i]]], last[faces[i]]))
        if j is None or values[last[faces[i]]] != values[last[faces[j]]]
    }
    assert named_pairs(diagrams) == expected
    complex_ = {face: float(values[last[face]]) for face in faces}
    assert_same_diagrams(sorted_diagrams(diagrams), naive_diagrams(complex_, filtration))
    assert_same_diagrams(sorted_diagrams(diagrams), gudhi_complex_diagrams(complex_, filtration))


@every_filtration
@pytest.mark.parametrize("shape", [(6, 9), (11, 4)])
@pytest.mark.parametrize("construction", ["V", "T"])
def test_components_of_a_grid_are_those_of_its_image(shape, construction, filtration):
    """Neighbours share an edge under V, and under T a diagonal too."""
    image = np.random.default_rng(0).random(shape)
    number = np.arange(image.size).reshape(shape)
    neighbours = [(number[1:], number[:-1]), (number[:, 1:], number[:, :-1])]
    if construction == "T":
        neighbours += [(number[1:, 1:], number[:-1, :-1]), (number[1:, :-1], number[:-1, 1:])]
    edges = [np.stack([one.ravel(), other.ravel()], axis=1) for one, other in neighbours]
    diagrams = lower_star_persistence(edges, image.ravel(), filtration=filtration)
    pairs = compute_persistence(image, filtration=filtration, construction=construction)
    assert_same_diagrams(sorted_diagrams(diagrams)[:1], diagrams_of(pairs)[:1])


def test_one_array_of_triangles_is_enough():
    triangles, values = SURFACES["torus"][0], np.arange(7.0)
    assert_same_diagrams(
        sorted_diagrams(lower_star_persistence(np.array(triangles), values)),
        sorted_diagrams(lower_star_persistence(triangles, values)),
    )


# Gradients and dtypes


def finite_bars(diagrams):
    return torch.cat([torch.cat([d.births, d.deaths[~d.essential]]) for d in diagrams])


@every_filtration
def test_derivatives_with_respect_to_the_values_of_simplices(filtration):
    rng = np.random.default_rng(0)
    simplices = all_faces(random_complex(rng))
    sign = -1 if filtration == "superlevel" else 1
    values = torch.arange(len(simplices), dtype=torch.float64).mul(sign / 10).requires_grad_()

    def bars(x):
        return finite_bars(filtered_complex_persistence(simplices, x, filtration=filtration))

    assert len(bars(values)) > 10
    assert torch.autograd.gradcheck(bars, values)
    assert torch.autograd.gradgradcheck(lambda x: bars(x) ** 3, values)


@every_filtration
def test_derivatives_with_respect_to_the_values_of_vertices(filtration):
    triangles = SURFACES["torus"][0]
    values = torch.tensor([0.3, 0.7, 0.1, 0.9, 0.5, 0.2, 0.8], dtype=torch.float64, requires_grad=True)

    def bars(x):
        return finite_bars(lower_star_persistence(triangles, x, filtration=filtration))

    assert torch.autograd.gradcheck(bars, values)
    assert torch.autograd.gradgradcheck(lambda x: bars(x) ** 3, values)


def test_a_dimension_without_bars_keeps_the_graph():
    values = torch.zeros(3, requires_grad=True)
    loops = lower_star_persistence([(0, 1, 2)], values)[1]
    assert (len(loops), loops.birth_simplices.shape, loops.death_simplices.shape) == (0, (0, 1), (0, 1))
    (loops.births - loops.deaths).sum().backward()
    assert torch.equal(values.grad, torch.zeros(3))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (torch.float16, torch.float16),
        (torch.bfloat16, torch.bfloat16),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
        (torch.int32, torch.float64),
    ],
)
def test_dtypes_and_devices_are_kept(dtype, expected, device):
    heights = torch.tensor([0, 3, 1, 2]).to(device, dtype)
    components, loops = lower_star_persistence([(0, 1), (1, 2), (2, 3), (3, 0)], heights)
    for values in (components.births, components.deaths, loops.births, loops.deaths):
        assert (values.dtype, values.device) == (expected, heights.device)
    assert components.birth_simplices.device == components.death_simplices.device == heights.device
    assert components.deaths.tolist() == [math.inf, 2]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, bool])
def test_numpy_values_are_taken(dtype):
    square = list(itertools.pairwise((0, 1, 2, 3, 0)))
    components, _ = lower_star_persistence(square, np.array([0, 1, 0, 1], dtype))
    assert components.births.dtype == (torch.float32 if dtype == np.float32 else torch.float64)
    assert components.deaths.tolist() == [math.inf, 1]
