"""Persistence and matching of the same numbers in many forms, and of inputs that are no numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from oracles.odd_inputs import FORMS, INTEGER_FORMS, ONE_SENTENCE, TENSOR_FORMS, wrong_arrays, wrong_tensors
from segtopo.errors import InputError
from segtopo.matching import (
    betti_matching,
    bottleneck_distance,
    match_bottleneck,
    match_wasserstein,
    wasserstein_distance,
)
from segtopo.persistence import (
    Diagram,
    batch_persistence_diagrams,
    compute_persistence,
    filtered_complex_persistence,
    lower_star_persistence,
    persistence_diagrams,
    rips_persistence,
)

POINTS = np.array([[1.0, 0.125], [0.75, 0.25], [0.5, 0.375]])
IMAGE = np.array([[0.875, 0.125, 0.75], [0.25, 1.0, 0.0], [0.625, 0.5, 0.375], [0.5, 0.0, 0.75]])
VALUES = np.array([0.125, 0.25, 0.0])
LENGTHS = np.array([0.125, 0.25, 0.5])
MATRIX = np.array([[0.0, 0.5, 0.25], [0.5, 0.0, 0.375], [0.25, 0.375, 0.0]])
EDGES = np.array([[0, 1], [1, 2], [0, 2]])
MASK = IMAGE > 0.4

Call = Callable[[Any], Any]

OF_TENSORS: dict[str, tuple[Call, np.ndarray]] = {
    "persistence_diagrams": (persistence_diagrams, IMAGE),
    "batch_persistence_diagrams": (batch_persistence_diagrams, IMAGE.reshape(2, 2, 3)),
}
OF_ARRAYS: dict[str, tuple[Call, np.ndarray]] = {
    "compute_persistence": (compute_persistence, IMAGE),
    "betti_matching, prediction": (lambda image: betti_matching(image, MASK), IMAGE),
    "betti_matching, target": (lambda image: betti_matching(IMAGE, image), IMAGE),
    "filtered_complex_persistence": (lambda x: filtered_complex_persistence([(0,), (1,), (2,)], x), VALUES),
    "lower_star_persistence": (lambda x: lower_star_persistence([(0, 1), (1, 2)], x), VALUES),
    "rips_persistence, points": (rips_persistence, POINTS),
    "rips_persistence, distances": (lambda x: rips_persistence(distances=x), MATRIX),
    "rips_persistence, weights": (lambda x: rips_persistence(graph=(EDGES, x)), LENGTHS),
    "bottleneck_distance, first": (lambda x: bottleneck_distance(x, POINTS[1:]), POINTS),
    "bottleneck_distance, second": (lambda x: bottleneck_distance(POINTS[1:], x), POINTS),
    "wasserstein_distance, first": (lambda x: wasserstein_distance(x, POINTS[1:]), POINTS),
    "wasserstein_distance, second": (lambda x: wasserstein_distance(torch.from_numpy(POINTS[1:]), x), POINTS),
    "match_bottleneck": (lambda x: match_bottleneck(x, POINTS[1:]), POINTS),
    "match_wasserstein": (lambda x: match_wasserstein(POINTS[1:], x), POINTS),
}
OF_INTEGERS: dict[str, tuple[Call, np.ndarray]] = {
    "simplices with values": (lambda x: filtered_complex_persistence([x], [0.5] * 3), np.array([[2], [0], [1]])),
    "simplices of lower stars": (lambda x: lower_star_persistence(x, VALUES), EDGES),
    "edges": (lambda x: rips_persistence(graph=(x, LENGTHS)), EDGES),
}


def values_of(result: Any) -> list[Any]:
    """All numbers of a result, in one order."""
    if isinstance(result, Diagram):
        return [result.births.tolist(), result.deaths.tolist()]
    if isinstance(result, list | tuple):
        return [values_of(item) for item in result]
    if isinstance(result, torch.Tensor | np.ndarray):
        return result.tolist()
    return [
        values_of(field) if hasattr(field, "births") else np.asarray(field).tolist() for field in vars(result).values()
    ]


def cases(functions: dict[str, tuple[Call, np.ndarray]], forms: dict[str, Any]) -> list[Any]:
    return [
        pytest.param(call, values, form, id=f"{name}-{form}")
        for name, (call, values) in functions.items()
        for form in forms
    ]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("call", "values", "form"), [*cases(OF_ARRAYS, FORMS), *cases(OF_TENSORS, TENSOR_FORMS)])
def test_the_form_of_the_numbers_does_not_matter(call: Call, values: np.ndarray, form: str) -> None:
    plain = torch.from_numpy(values) if form in TENSOR_FORMS else values
    # Distances have the dtype of tensors, so that half precision rounds them.
    exact = "8" not in form and "16" not in form
    found, expected = (np.array(_flat(values_of(call(x)))) for x in (FORMS[form](values), plain))
    np.testing.assert_allclose(found, expected, rtol=1e-6 if exact else 0.1)


def _flat(values: Any) -> list[float]:
    if isinstance(values, list):
        return [number for value in values for number in _flat(value)]
    return [] if isinstance(values, str) else [values]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("call", "values", "form"), cases(OF_INTEGERS, INTEGER_FORMS))
def test_the_form_of_the_vertices_does_not_matter(call: Call, values: np.ndarray, form: str) -> None:
    assert values_of(call(INTEGER_FORMS[form](values))) == values_of(call(values))


@pytest.mark.parametrize(
    ("call", "values", "kind"),
    [
        *cases(OF_ARRAYS | OF_TENSORS | OF_INTEGERS, wrong_tensors()),
        *cases(OF_ARRAYS | OF_TENSORS | OF_INTEGERS, wrong_arrays()),
    ],
)
def test_inputs_that_are_no_real_numbers_are_refused_in_one_sentence(call: Call, values: Any, kind: str) -> None:
    wrong = (wrong_tensors() | wrong_arrays())[kind]
    with pytest.raises((InputError, TypeError), match=ONE_SENTENCE):
        call(wrong)


@pytest.mark.parametrize("call", [persistence_diagrams, batch_persistence_diagrams])
@pytest.mark.parametrize("image", [IMAGE, IMAGE.tolist(), None])
def test_diagrams_of_anything_but_tensors_are_refused(call: Call, image: Any) -> None:
    with pytest.raises(TypeError, match=rf"^images?: got {type(image).__name__}, expected a torch tensor$"):
        call(image)


OPTIONS: dict[str, tuple[Call, Any]] = {
    "min_persistence": (lambda x: compute_persistence(IMAGE, min_persistence=x), 0.25),
    "max_edge": (lambda x: rips_persistence(POINTS, max_edge=x), 0.5),
    "threshold": (lambda x: betti_matching(IMAGE, MASK, threshold=x), 0.5),
    "order": (lambda x: wasserstein_distance(POINTS, POINTS[1:], order=x), 1.5),
    "internal_p": (lambda x: match_wasserstein(POINTS, POINTS[1:], internal_p=x), 3.0),
    "num_threads": (lambda x: compute_persistence(IMAGE, num_threads=x), 2),
    "max_dimension": (lambda x: rips_persistence(POINTS, max_dimension=x), 1),
    "num_vertices": (lambda x: rips_persistence(graph=(EDGES, LENGTHS), num_vertices=x), 4),
}


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("wrong", ["0.5", [0.5], np.array([0.5, 0.5]), torch.zeros(2, 2), 1j, Ellipsis], ids=str)
def test_options_that_are_no_numbers_are_refused_in_one_sentence(option: str, wrong: Any) -> None:
    with pytest.raises(TypeError, match=ONE_SENTENCE) as refusal:
        OPTIONS[option][0](wrong)
    assert str(refusal.value).startswith(f"{option}: got ")


@pytest.mark.parametrize("option", OPTIONS)
def test_options_may_be_scalars_of_numpy_and_torch(option: str) -> None:
    call, value = OPTIONS[option]
    expected = values_of(call(value))
    for scalar in (np.array(value)[()], torch.tensor(value)):
        assert str(values_of(call(scalar))) == str(expected)


@pytest.mark.parametrize("wrong", [None, 1, ["superlevel"], np.zeros(2)], ids=str)
def test_names_of_filtrations_and_constructions_are_strings(wrong: Any) -> None:
    for call in (
        lambda: compute_persistence(IMAGE, filtration=wrong),
        lambda: compute_persistence(IMAGE, construction=wrong),
        lambda: lower_star_persistence(EDGES, VALUES, filtration=wrong),
        lambda: betti_matching(IMAGE, MASK, filtration=wrong),
    ):
        with pytest.raises(InputError, match=r"^(filtration|construction): got .*, expected one of"):
            call()


def test_a_float8_image_keeps_its_gradient() -> None:
    image = torch.from_numpy(IMAGE).to(torch.float8_e4m3fn).requires_grad_()
    components, _ = persistence_diagrams(image)
    assert components.births.dtype == torch.float32
    components.persistence[~components.essential].sum().backward()
    assert image.grad.float().count_nonzero() > 0


def test_errors_of_a_list_of_diagrams_name_the_type() -> None:
    diagrams = persistence_diagrams(torch.from_numpy(IMAGE))
    with pytest.raises(TypeError, match=re.escape("first: got a list of PersistenceDiagram, expected real numbers")):
        bottleneck_distance(diagrams, POINTS)
