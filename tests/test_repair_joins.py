"""The paths that join pieces, against a best-first search over single voxels and against persistence; their sides."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import NamedTuple

import numpy as np
import pytest
from scipy import ndimage

from oracles.images import KINDS, random_shape, smooth_noise
from oracles.minimax_paths import are_adjacent, largest_smallest_value
from oracles.repair_examples import wide_pieces
from oracles.repair_rules import rules_of
from segtopo import _native
from segtopo.masks import betti_numbers
from segtopo.masks.components import connectivities
from segtopo.persistence import Construction, compute_persistence
from segtopo.repair import repair_mask
from segtopo.repair.joins import find_joins

CONSTRUCTIONS: tuple[Construction, ...] = ("T", "V")
DRAWS = (
    *("float32", "float64", "distinct", "binary", "constant", "int8", "int32"),
    *("extreme float32", "signed zeros", "infinities", "probabilities"),
)
THIN_SHAPES = [(1, 1), (1, 12), (12, 1), (2, 9), (1, 1, 1), (1, 1, 9), (1, 9, 1), (9, 1, 1), (1, 5, 6), (5, 6, 1)]


class Path(NamedTuple):
    saddle: int
    birth: int
    voxels: list[int]


def joining_paths(
    image: np.ndarray,
    construction: Construction,
    mask_value: float,
    last_value: float,
    *,
    superlevel: bool = True,
    num_threads: int = 1,
) -> list[Path]:
    saddles, births, starts, voxels = _native.joining_paths(
        image,
        superlevel=superlevel,
        top_cells=construction == "T",
        mask_value=mask_value,
        last_value=last_value,
        num_threads=num_threads,
    )
    assert starts[0] == 0
    assert starts[-1] == len(voxels)
    assert len(starts) == len(saddles) + 1 == len(births) + 1
    paths = [voxels[a:b].tolist() for a, b in itertools.pairwise(starts.tolist())]
    return [Path(*path) for path in zip(saddles.tolist(), births.tolist(), paths, strict=True)]


def random_image(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """An image of one of the kinds, as the kernel takes it."""
    image = KINDS[str(rng.choice(DRAWS))](rng, shape)
    dtype = image.dtype if image.dtype in (np.float32, np.float64) else rng.choice([np.float32, np.float64])
    return np.ascontiguousarray(image, dtype)


def random_levels(rng: np.random.Generator, image: np.ndarray) -> tuple[float, float]:
    """A value of the last voxels in the mask and one at which the filtration ends, in most cases a lower one."""
    high, low = rng.choice(image.ravel(), 2).tolist()
    return (high, low) if rng.random() < 0.1 else (max(high, low), min(low, high))


def cases(ndim: int, count: int) -> list[tuple[np.ndarray, float, float]]:
    """Images, each with the value of the last voxels in the mask and that at which the filtration ends."""
    rng = np.random.default_rng(ndim)
    shapes = [shape for shape in THIN_SHAPES if len(shape) == ndim] * 10
    shapes += [random_shape(rng, ndim) for _ in range(count - len(shapes))]
    images = [random_image(rng, shape) for shape in shapes]
    return [(image, *random_levels(rng, image)) for image in images]


def order_of_entry(image: np.ndarray) -> np.ndarray:
    """Distinct numbers in the order of the values; of equal values, the first one is the largest."""
    order = np.empty(image.size)
    order[np.argsort(-image, axis=None, kind="stable")] = -np.arange(image.size)
    return order.reshape(image.shape)


def label(mask: np.ndarray, construction: Construction) -> np.ndarray:
    structure = ndimage.generate_binary_structure(mask.ndim, mask.ndim if construction == "T" else 1)
    return ndimage.label(mask, structure)[0]


def check_voxels(path: Path, mask: np.ndarray, connectivity: int) -> None:
    """The path leads from the mask over distinct adjacent voxels outside of it to the mask."""
    inner = path.voxels[1:-1]
    assert path.saddle in inner
    assert mask.flat[[path.voxels[0], path.voxels[-1]]].all()
    assert not mask.flat[inner].any()
    assert len(set(path.voxels)) == len(path.voxels)
    assert all(are_adjacent(a, b, mask.shape, connectivity) for a, b in itertools.pairwise(path.voxels))


def check_best(path: Path, joined: np.ndarray, order: np.ndarray, construction: Construction) -> None:
    """No path between the two pieces of the mask with the paths of earlier saddles enters the filtration earlier."""
    pieces = label(joined, construction)
    one, other = (pieces == pieces.flat[end] for end in (path.voxels[0], path.voxels[-1]))
    assert not (one & other).any()
    connectivity = connectivities(construction, order.ndim)[0]
    best = largest_smallest_value(order, one, other, connectivity)
    assert order.flat[path.voxels].min() == order.flat[path.saddle] == best


@pytest.mark.parametrize("construction", CONSTRUCTIONS)
@pytest.mark.parametrize(("ndim", "count"), [(2, 1000), (3, 600)])
def test_each_path_is_a_minimax_path_between_two_pieces(ndim: int, count: int, construction: Construction) -> None:
    found = 0
    for image, mask_value, last_value in cases(ndim, count):
        order, mask = order_of_entry(image), image >= mask_value
        joined = mask.copy()
        paths = joining_paths(image, construction, mask_value, last_value)
        for _, of_one_saddle in itertools.groupby(paths, lambda path: path.saddle):
            together = list(of_one_saddle)  # a voxel may join more than two pieces
            for path in together:
                check_voxels(path, mask, connectivities(construction, ndim)[0])
                check_best(path, joined, order, construction)
            joined.flat[[voxel for path in together for voxel in path.voxels]] = True
        found += len(paths)
        connected = np.unique(label(image >= last_value, construction)[mask & (image >= last_value)])
        assert last_value > mask_value or label(joined, construction).max() == len(connected)
    assert found > count / 4


def test_the_smallest_value_of_a_path_with_ties_is_the_best_one() -> None:
    rng = np.random.default_rng(0)
    for construction, _ in itertools.product(CONSTRUCTIONS, range(300)):
        image = rng.integers(0, 4, random_shape(rng, 2)).astype(np.float32)
        for path in joining_paths(image, construction, 3, 0)[:1]:
            pieces = label(image >= 3, construction)
            one, other = (pieces == pieces.flat[end] for end in (path.voxels[0], path.voxels[-1]))
            best = largest_smallest_value(image, one, other, connectivities(construction, 2)[0])
            assert image.flat[path.voxels].min() == image.flat[path.saddle] == best


@pytest.mark.parametrize("construction", CONSTRUCTIONS)
@pytest.mark.parametrize(("ndim", "count"), [(2, 1000), (3, 600)])
def test_births_and_saddles_are_those_of_persistence(ndim: int, count: int, construction: Construction) -> None:
    found = 0
    for image, mask_value, last_value in cases(ndim, count):
        pairs = compute_persistence(image, construction=construction, num_threads=1)
        joins = (pairs.dimensions == 0) & (pairs.births >= mask_value)
        joins &= (pairs.deaths < mask_value) & (pairs.deaths >= last_value) & ~pairs.essential
        births, deaths = (
            np.ravel_multi_index(tuple(voxels[joins].T), image.shape).tolist()
            for voxels in (pairs.birth_voxels, pairs.death_voxels)
        )
        paths = joining_paths(image, construction, mask_value, last_value)
        assert Counter((path.birth, path.saddle) for path in paths) == Counter(zip(births, deaths, strict=True))
        order = order_of_entry(image)
        assert np.all(np.diff([order.flat[path.saddle] for path in paths]) <= 0)
        found += len(paths)
    assert found > count / 4


@pytest.mark.parametrize("construction", CONSTRUCTIONS)
@pytest.mark.parametrize("ndim", [2, 3])
def test_a_sublevel_filtration_is_a_superlevel_filtration_of_the_negated_image(
    ndim: int, construction: Construction
) -> None:
    for image, mask_value, last_value in cases(ndim, 300):
        paths = joining_paths(image, construction, mask_value, last_value)
        assert joining_paths(-image, construction, -mask_value, -last_value, superlevel=False) == paths


@pytest.mark.parametrize("construction", CONSTRUCTIONS)
@pytest.mark.parametrize("shape", [(350, 420), (48, 55, 62)])
@pytest.mark.parametrize("levels", [6, 2**20])
def test_threads_change_nothing(shape: tuple[int, ...], levels: int, construction: Construction) -> None:
    image = np.floor(levels * np.random.default_rng(levels).random(shape) ** 8).astype(np.float32)
    mask_value = levels * 5 / 6
    paths = joining_paths(image, construction, mask_value, 0)
    assert len(paths) > 100
    for num_threads in (2, 5):
        assert joining_paths(image, construction, mask_value, 0, num_threads=num_threads) == paths


def test_a_path_by_hand() -> None:
    image = np.array([[9, 3, 1, 1, 1], [1, 1, 4, 1, 8], [1, 1, 1, 2, 1], [7, 1, 1, 1, 1]], np.float32)
    assert joining_paths(image, "T", 7, 1) == [(13, 9, [9, 13, 7, 1, 0]), (10, 15, [15, 10, 5, 0])]
    assert joining_paths(image, "T", 7, 2) == [(13, 9, [9, 13, 7, 1, 0])]


def test_a_path_over_a_third_hill_below_the_mask() -> None:
    image = np.array([[9, 2, 5, 5, 1, 5, 3, 8]], np.float64)
    assert joining_paths(image, "V", 8, 1) == [(4, 7, [0, 1, 2, 3, 4, 5, 6, 7])]
    assert joining_paths(image, "V", 8, 2) == []


def test_paths_have_no_detours() -> None:
    """Two voxels of a path are adjacent only if one follows the other."""
    rng = np.random.default_rng(1)
    for construction, _ in itertools.product(CONSTRUCTIONS, range(200)):
        image = smooth_noise((14, 17), int(rng.integers(2**31)), 1.0)
        for path in joining_paths(image, construction, float(np.quantile(image, 0.8)), float(image.min())):
            far = [(a, b) for i, a in enumerate(path.voxels) for b in path.voxels[i + 2 :]]
            assert not any(are_adjacent(a, b, image.shape, connectivities(construction, 2)[0]) for a, b in far)


def spacing_of(ndim: int, seed: int) -> tuple[float, ...]:
    return (0.5 if seed % 2 else 1.0,) + (1.0,) * (ndim - 1)


@pytest.mark.parametrize("construction", CONSTRUCTIONS)
@pytest.mark.parametrize(("shape", "count"), [((40, 50), 80), ((18, 20, 22), 60)])
def test_sides_change_no_betti_number(shape: tuple[int, ...], count: int, construction: Construction) -> None:
    joined = widened = 0
    for seed in range(count):
        probability = wide_pieces(shape, seed)
        mask = probability > 0.5
        with_sides = mask.copy()
        joins = find_joins(probability, 0.5, 0.01, construction, spacing_of(len(shape), seed), num_threads=1)
        for join in joins:
            with_sides.flat[join.voxels] = True
        above = float(np.nextafter(np.float32(0.5), np.float32(1)))
        for path in joining_paths(probability, construction, above, 0.01):
            mask.flat[path.voxels] = True
        assert betti_numbers(with_sides, construction) == betti_numbers(mask, construction)
        joined += len(joins)
        widened += with_sides.sum() - mask.sum()
    assert widened > joined > count


def vessel(shape: tuple[int, ...], spacing: tuple[float, ...], width: float) -> np.ndarray:
    """Probabilities of a straight vessel along the last axis, with a gap of 7 voxels in which they are low."""
    places = [s * (i - n // 2) for i, n, s in zip(np.indices(shape), shape, spacing, strict=True)][:-1]
    away = np.sqrt(sum(place**2 for place in places))
    probability = np.clip(0.95 - 0.9 * away / width, 0.01, 1)
    probability[..., 17:24] *= 0.2
    return probability


@pytest.mark.parametrize("construction", CONSTRUCTIONS)
@pytest.mark.parametrize(
    ("shape", "spacing"),
    [((31, 41), (1.0, 1.0)), ((61, 41), (0.5, 1.0)), ((25, 25, 41), (1.0, 1.0, 1.0)), ((13, 25, 41), (2.0, 1.0, 1.0))],
)
@pytest.mark.parametrize("width", [1, 3, 5, 9])
def test_a_gap_is_bridged_in_the_width_of_the_vessel(
    shape: tuple[int, ...], spacing: tuple[float, ...], width: int, construction: Construction
) -> None:
    repair = repair_mask(
        vessel(shape, spacing, width), rules_of(connect_above=0.05, construction=construction), spacing=spacing
    )
    (edit,) = repair.edits
    assert edit.kind == "joined"
    area = repair.mask.reshape(-1, shape[-1]).sum(axis=0)
    assert not repair.before[..., 17:24].any()
    assert np.all(area[17:24] >= 0.7 * area[5])
    assert np.all(area[17:24] <= area[5])
    assert betti_numbers(repair.mask, construction) == (1,) + (0,) * (len(shape) - 1)


@pytest.mark.parametrize("construction", CONSTRUCTIONS)
@pytest.mark.parametrize("distance", [2, 3])
def test_sides_leave_a_third_piece_alone(distance: int, construction: Construction) -> None:
    probability = vessel((31, 41), (1, 1), 9)
    probability[14 - distance : 17 - distance, 19:22] *= 0.05
    probability[15 - distance, 20] = 0.6
    third = np.ravel_multi_index((15 - distance, 20), probability.shape)
    repair = repair_mask(probability, rules_of(connect_above=0.05, construction=construction))
    (edit,) = repair.edits
    assert edit.size > 20
    pieces = label(repair.mask, construction)
    assert pieces.max() == 2
    assert (pieces == pieces.flat[third]).sum() == 1


@pytest.mark.parametrize("construction", CONSTRUCTIONS)
@pytest.mark.parametrize(("shape", "count"), [((40, 50), 40), ((18, 20, 22), 30)])
def test_each_join_alone_makes_two_pieces_one(shape: tuple[int, ...], count: int, construction: Construction) -> None:
    sizes = []
    for seed in range(count):
        probability = wide_pieces(shape, seed)
        for join in find_joins(probability, 0.5, 0.01, construction, spacing_of(len(shape), seed), num_threads=1):
            near = np.zeros(shape, bool)
            near.flat[join.voxels] = True
            assert not (near & (probability > 0.5)).any()
            assert near.sum() == len(join.voxels)
            pieces = label(near | (probability > 0.5), construction)
            assert len(np.unique(pieces.flat[join.voxels])) == 1
            assert pieces.max() < label(probability > 0.5, construction).max()
            sizes.append(len(join.voxels))
    assert np.mean(sizes) > 3


def test_removing_a_third_piece_keeps_the_join_beside_it() -> None:
    probability = vessel((31, 41), (1, 1), 9)
    probability[11:14, 19:22] *= 0.05
    probability[12, 20] = 0.6
    repair = repair_mask(probability, rules_of(connect_above=0.05, min_piece_size=8))
    assert [edit.kind for edit in repair.edits] == ["joined", "piece removed"]
    assert betti_numbers(repair.mask) == (1, 0)
