"""Distances of diagrams: against brute force and peers, the laws of a metric, and their gradients."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
from functools import partial

import gudhi
import gudhi.hera
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from oracles.diagram_distances import naive_distance
from segtopo.errors import InputError
from segtopo.matching import bottleneck_distance, match_bottleneck, match_wasserstein, wasserstein_distance
from segtopo.persistence import compute_persistence, persistence_diagrams, rips_persistence

ORDERS = [1.0, 2.0, 3.0]
NORMS = [1.0, 2.0, math.inf]
every_exponent = pytest.mark.parametrize(("order", "norm"), list(itertools.product(ORDERS, NORMS)))

DISTANCES = {"bottleneck": bottleneck_distance} | {
    f"W{order:g} of L{norm:g}": partial(wasserstein_distance, order=order, internal_p=norm)
    for order, norm in [(1.0, math.inf), (2.0, 2.0), (2.5, 1.0), (1.5, 3.0)]
}
every_distance = pytest.mark.parametrize("distance", DISTANCES.values(), ids=DISTANCES)


# Diagrams


def uniform(rng: np.random.Generator, n: int) -> np.ndarray:
    """Points of a superlevel diagram, uniform over the triangle."""
    return -np.sort(-rng.random((n, 2)), axis=1)


def near_diagonal(rng: np.random.Generator, n: int) -> np.ndarray:
    births = rng.random(n)
    return np.stack([births, births - rng.exponential(0.02, n)], axis=1)


def few_levels(rng: np.random.Generator, n: int) -> np.ndarray:
    """Points that coincide, tie and lie on the diagonal."""
    return np.round(uniform(rng, n) * 4) / 4


def with_essential(rng: np.random.Generator, n: int) -> np.ndarray:
    essential = np.stack([rng.random(3), np.full(3, -np.inf)], axis=1)
    return rng.permutation(np.concatenate([uniform(rng, n), essential]))


KINDS = [uniform, near_diagonal, few_levels, with_essential]
every_kind = pytest.mark.parametrize("kind", KINDS)


def as_sublevel(diagram: np.ndarray) -> np.ndarray:
    """The diagram of the negated image, as the peers want it."""
    return -diagram


# Against brute force


@every_kind
@every_exponent
def test_wasserstein_distance_is_the_least_of_all_matchings(kind, order, norm):
    rng = np.random.default_rng(0)
    for n, m in [(0, 0), (0, 3), (4, 0), (1, 1), (3, 4), (4, 4), (4, 3)]:
        first, second = kind(rng, n), kind(rng, m)
        found = wasserstein_distance(first, second, order=order, internal_p=norm)
        assert found.item() == pytest.approx(naive_distance(first, second, order, norm), abs=1e-12)


@every_kind
def test_bottleneck_distance_is_the_least_of_all_matchings(kind):
    rng = np.random.default_rng(1)
    for n, m in [(0, 0), (0, 3), (4, 0), (1, 1), (3, 5), (4, 4), (5, 3), (5, 4), (2, 6)]:
        first, second = kind(rng, n), kind(rng, m)
        expected = naive_distance(first, second, math.inf, math.inf)
        assert bottleneck_distance(first, second).item() == pytest.approx(expected, abs=1e-15)


# Against gudhi and hera


@every_kind
@every_exponent
def test_wasserstein_distance_against_hera(kind, order, norm):
    rng = np.random.default_rng(2)
    for n, m in [(30, 40), (150, 90)]:
        first, second = kind(rng, n), kind(rng, m)
        expected = gudhi.hera.wasserstein_distance(
            as_sublevel(first), as_sublevel(second), order=order, internal_p=norm, delta=1e-4
        )
        found = wasserstein_distance(first, second, order=order, internal_p=norm).item()
        assert found <= expected * (1 + 1e-9)
        assert found == pytest.approx(expected, rel=1.1e-4)


@every_kind
def test_bottleneck_distance_against_gudhi(kind):
    rng = np.random.default_rng(3)
    for n, m in [(30, 40), (200, 200), (500, 350)]:
        first, second = kind(rng, n), kind(rng, m)
        expected = gudhi.bottleneck_distance(as_sublevel(first), as_sublevel(second), 0)
        assert bottleneck_distance(first, second).item() == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("kind", [uniform, near_diagonal, few_levels])
def test_large_diagrams_against_peers(kind):
    rng = np.random.default_rng(4)
    first, second = kind(rng, 600), kind(rng, 900)
    expected = gudhi.hera.wasserstein_distance(first, second, order=2, internal_p=2, delta=0.01)
    found = wasserstein_distance(first, second).item()
    assert found <= expected * (1 + 1e-9)
    assert found == pytest.approx(expected, rel=0.011)
    expected = gudhi.bottleneck_distance(as_sublevel(first), as_sublevel(second))
    assert bottleneck_distance(first, second).item() == pytest.approx(expected, abs=1e-12)


def test_thousands_of_points_that_have_moved_a_little():
    """Exact without a peer: each point has a partner much nearer than any other and than the diagonal."""
    rows, columns = np.meshgrid(np.arange(60.0), np.arange(50.0))
    first = np.stack([rows.ravel() + 1000, columns.ravel()], axis=1)
    shift = np.random.default_rng(5).uniform(-0.2, 0.2, first.shape)
    second = first + shift
    assert wasserstein_distance(first, second[::-1].copy()).item() == pytest.approx(np.linalg.norm(shift), rel=1e-9)
    assert bottleneck_distance(first, second).item() == pytest.approx(np.abs(shift).max(), rel=1e-9)


# Laws


def diagrams(elements=None):
    """Sublevel diagrams of up to 6 points, with ties and points on the diagonal."""
    elements = elements or st.one_of(st.integers(0, 4).map(float), st.floats(-8, 8, width=32))
    shapes = st.tuples(st.integers(0, 6), st.just(2))
    return npst.arrays(np.float64, shapes, elements=elements).map(lambda points: np.sort(points, axis=1))


@every_distance
@given(first=diagrams(), second=diagrams(), third=diagrams())
def test_a_metric(distance, first, second, third):
    between = distance(first, second).item()
    assert distance(first, first).item() == pytest.approx(0, abs=1e-6)
    assert distance(second, first).item() == pytest.approx(between, abs=1e-6)
    assert between <= distance(first, third).item() + distance(third, second).item() + 1e-6


@every_distance
@given(first=diagrams(), second=diagrams(), data=st.data())
def test_points_on_the_diagonal_change_nothing(distance, first, second, data):
    values = data.draw(npst.arrays(np.float64, st.integers(1, 4), elements=st.floats(-8, 8)))
    more = np.concatenate([np.stack([values, values], axis=1), first])
    assert distance(more, second).item() == pytest.approx(distance(first, second).item(), abs=1e-6)


@every_distance
@given(first=diagrams(), second=diagrams(), scale=st.sampled_from([-3.0, -1.0, 0.125, 7.0]), shift=st.integers(-3, 3))
def test_scaled_images_have_scaled_distances(distance, first, second, scale, shift):
    """A negative scale turns sublevel into superlevel diagrams."""
    moved = distance(scale * first + shift, scale * second + shift).item()
    assert moved == pytest.approx(abs(scale) * distance(first, second).item(), abs=1e-6)


@given(first=diagrams(), second=diagrams())
def test_distances_fall_with_the_order_and_the_norm(first, second):
    bottleneck = bottleneck_distance(first, second).item()
    for norm in NORMS:
        by_order = [wasserstein_distance(first, second, order=order, internal_p=norm).item() for order in ORDERS]
        assert all(b <= a + 1e-6 for a, b in itertools.pairwise([*by_order, bottleneck]))
    for order in ORDERS:
        by_norm = [wasserstein_distance(first, second, order=order, internal_p=norm).item() for norm in NORMS]
        assert all(b <= a + 1e-6 for a, b in itertools.pairwise(by_norm))


@pytest.mark.parametrize("filtration", ["superlevel", "sublevel"])
@pytest.mark.parametrize("shape", [(19, 30), (9, 7, 11)])
def test_diagrams_move_no_further_than_the_image(filtration, shape):
    rng = np.random.default_rng(6)
    image = rng.random(shape)
    moved = image + rng.uniform(-0.1, 0.1, shape)
    for dimension in range(len(shape)):
        pairs = [compute_persistence(i, filtration=filtration).of_dimension(dimension) for i in (image, moved)]
        distance = bottleneck_distance(*pairs).item()
        assert 0 < distance <= np.abs(moved - image).max()


# Essential points


@pytest.mark.parametrize("infinity", [np.inf, -np.inf])
@every_distance
def test_essential_points_go_to_one_another(distance, infinity):
    first = np.array([[0.25, infinity], [1.0, infinity]])
    second = np.array([[1.5, infinity], [0.25, infinity]])
    assert distance(first, second).item() == 0.5


@every_distance
def test_different_numbers_of_essential_points_are_infinitely_far_apart(distance):
    first = torch.tensor([[0.5, -math.inf]], requires_grad=True)
    found = distance(first, torch.empty(0, 2))
    assert found.item() == math.inf
    assert not found.requires_grad


# Matchings


@every_kind
def test_the_bottleneck_matching_attains_the_distance(kind):
    rng = np.random.default_rng(7)
    for n, m in [(1, 5), (40, 30), (60, 90)]:
        first, second = kind(rng, n), kind(rng, m)
        i, j = match_bottleneck(first, second)
        assert (np.diff(i) > 0).all()
        assert len(np.unique(j)) == len(j)
        rest = np.concatenate([np.delete(first, i, axis=0), np.delete(second, j, axis=0)])
        moves = np.nan_to_num(first[i], neginf=0.0) - np.nan_to_num(second[j], neginf=0.0)
        longest = max(np.abs(moves).max(initial=0.0), 0.5 * np.abs(rest[:, 0] - rest[:, 1]).max(initial=0.0))
        assert longest == bottleneck_distance(first, second).item()


def test_the_bottleneck_matching_covers_long_points_of_both_sides():
    """Neither of the two matchings, of the long points of each side, does so alone."""
    first = [[0.0, 10.0], [4.0, 5.0]]
    second = [[0.5, 9.5], [0.0, 10.5], [3.0, 4.0]]
    assert bottleneck_distance(np.array(first), np.array(second)).item() == 4.5
    assert bottleneck_distance(np.array(first[:1]), np.array(second[:1])).item() == 0.5


# Gradients


@every_distance
@pytest.mark.parametrize("kind", [uniform, with_essential])
def test_gradients_of_both_diagrams(distance, kind):
    """Numerical derivatives of what moves: births, and deaths that are finite."""
    rng = np.random.default_rng(8)
    first, second = torch.from_numpy(kind(rng, 6)), torch.from_numpy(kind(rng, 5))
    chosen = [torch.isfinite(points) for points in (first, second)]

    def of_values(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        return distance(first.masked_scatter(chosen[0], one), second.masked_scatter(chosen[1], other))

    values = [points[mask].clone().requires_grad_() for points, mask in zip((first, second), chosen, strict=True)]
    assert torch.autograd.gradcheck(of_values, values)
    assert torch.autograd.gradgradcheck(of_values, values)


def test_the_bottleneck_gradient_goes_to_the_pair_that_sets_it():
    first = torch.tensor([[0.9, 0.1], [0.5, 0.4], [0.2, -math.inf]], requires_grad=True)
    second = torch.tensor([[0.8, -0.3], [0.25, -math.inf]], requires_grad=True)
    bottleneck_distance(first, second).backward()
    assert first.grad.tolist() == [[0, 1], [0, 0], [0, 0]]
    assert second.grad.tolist() == [[0, -1], [0, 0]]


@every_distance
@pytest.mark.parametrize("points", [[[0.75, 0.25], [0.5, 0.5]], [[0.5, -math.inf], [0.75, 0.5]], []])
def test_the_gradient_at_no_distance_is_zero(distance, points):
    first = torch.tensor(points).reshape(-1, 2).requires_grad_()
    found = distance(first, first.detach().clone())
    found.backward()
    assert found.item() == 0
    assert torch.equal(first.grad, torch.zeros_like(first))


@pytest.mark.parametrize("distance", [bottleneck_distance, wasserstein_distance])
def test_descent_reaches_the_target(distance):
    target = torch.tensor([[1.0, 0.0], [0.8, 0.3]])
    points = torch.tensor([[0.7, 0.2], [0.6, 0.35], [0.5, 0.4]], requires_grad=True)
    begin = distance(points, target).item()
    optimizer = torch.optim.SGD([points], lr=1.0)
    for step in range(400):
        optimizer.param_groups[0]["lr"] = 0.05 * 0.98**step
        optimizer.zero_grad()
        distance(points, target).backward()
        optimizer.step()
    assert distance(points, target).item() < 0.02 * begin


def test_the_gradient_reaches_the_critical_voxels():
    image = torch.rand(13, 18, generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True)
    components, _ = persistence_diagrams(image)
    wasserstein_distance(components, torch.tensor([[1.0, -math.inf]], dtype=torch.float64)).backward()
    critical = torch.zeros(image.shape, dtype=torch.bool)
    ends = torch.cat([components.birth_voxels, components.death_voxels[~components.essential]])
    critical[ends.unbind(dim=1)] = True
    assert (image.grad[critical] != 0).all()
    assert (image.grad[~critical] == 0).all()


# Inputs


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@every_distance
def test_dtypes_are_kept(distance, dtype):
    first = torch.tensor([[0.75, 0.25]], dtype=dtype, requires_grad=True)
    found = distance(first, torch.tensor([[1.0, 0.25]], dtype=dtype))
    found.backward()
    assert (found.dtype, found.shape, first.grad.dtype) == (dtype, (), dtype)
    assert found.item() == pytest.approx(0.25)


@every_distance
def test_arrays_tensors_and_diagrams_are_alike(distance):
    images = np.random.default_rng(9).random((2, 6, 7))
    pairs = [compute_persistence(image).of_dimension(0) for image in images]
    diagrams = [persistence_diagrams(image)[0] for image in torch.from_numpy(images)]
    arrays = [np.stack([p.births, p.deaths], axis=1) for p in pairs]
    expected = distance(*arrays)
    assert expected.dtype == torch.float64
    firsts, seconds = zip(arrays, map(torch.from_numpy, arrays), pairs, diagrams, strict=True)
    for one, other in itertools.product(firsts, seconds):
        assert distance(one, other) == expected


@every_distance
def test_diagrams_of_images_and_of_complexes_are_compared(distance):
    angles = torch.arange(12, dtype=torch.float64) ** 1.1
    points = (5 * torch.stack([angles.cos(), angles.sin()], dim=1)).requires_grad_()
    loops = rips_persistence(points)[1]
    image_loops = persistence_diagrams(torch.rand(7, 9, dtype=torch.float64), filtration="sublevel")[1]
    distance(loops, image_loops).backward()
    assert points.grad.isfinite().all()
    assert points.grad.count_nonzero() > 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@every_distance
def test_the_device_is_kept(distance):
    rng = np.random.default_rng(10)
    first, second = with_essential(rng, 9), with_essential(rng, 7)
    on_device = torch.from_numpy(first).cuda().requires_grad_()
    for other in (second, torch.from_numpy(second).cuda()):
        found = distance(on_device, other)
        found.backward()
        assert found.device.type == on_device.grad.device.type == "cuda"
        assert found.item() == pytest.approx(distance(first, second).item())


POINT = np.array([[1.0, 0.0]])


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (np.zeros((2, 3)), POINT, r"first: got shape \(2, 3\), expected \(n, 2\)"),
        (POINT, torch.zeros(4), r"second: got shape \(4,\), expected \(n, 2\)"),
        (np.array([[1.0, 0.0], [math.nan, 0.0]]), POINT, r"first: got 1 points with a NaN .* row 1"),
        (POINT, np.array([[1.0, math.nan]]), "second: got 1 points with a NaN"),
        (np.array([[math.inf, 0.0]]), POINT, "infinite birth"),
        (np.array([[1.0, math.inf], [1.0, -math.inf]]), POINT, "both -inf and inf"),
        (np.array([[1.0, math.inf]]), np.array([[1.0, -math.inf]]), "both -inf and inf"),
    ],
)
@every_distance
def test_bad_diagrams_are_refused(distance, first, second, message):
    with pytest.raises(InputError, match=message):
        distance(first, second)


@every_distance
def test_diagrams_of_different_dimensions_are_refused(distance):
    components, loops = persistence_diagrams(torch.rand(5, 6))
    with pytest.raises(InputError, match="diagrams: got dimensions 0 and 1, expected the same"):
        distance(components, loops)
    with pytest.raises(InputError, match=r"first: got pairs of dimensions \[0, 1\], expected one"):
        distance(compute_persistence(np.random.default_rng(0).random((6, 7))), components)


@pytest.mark.parametrize("match", [wasserstein_distance, match_wasserstein])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": 0.5}, "order: got 0.5, expected a number in"),
        ({"order": math.inf}, "the limit inf is the bottleneck distance"),
        ({"order": math.nan}, "order: got nan"),
        ({"internal_p": 0.9}, "internal_p: got 0.9"),
        ({"internal_p": math.nan}, "internal_p: got nan"),
    ],
)
def test_exponents_out_of_range_are_refused(match, options, message):
    with pytest.raises(InputError, match=message):
        match(POINT, POINT, **options)


def test_importing_the_room_does_not_load_torch():
    code = "import sys; from segtopo.matching import match_wasserstein; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
