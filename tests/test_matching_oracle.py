"""Betti matching against the brute-force oracle, which has the same order of cells: voxels, multiplicity and all."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from oracles.induced_matching import induced_matching
from oracles.naive_persistence import Bar
from segtopo import _native
from segtopo.persistence.cubical import voxels_at

THRESHOLDS = [None, 0.0, 0.25, 0.5, 0.75, 1.0]

Found = tuple[Counter, Counter, Counter]


def predictions_and_targets(rng: np.random.Generator, ndim: int) -> tuple[np.ndarray, np.ndarray]:
    """Ties, plateaus and masks; predictions near the target and far from it; axes of one voxel."""
    shape = tuple(int(n) for n in (rng.integers(1, 9, 2) if ndim == 2 else rng.integers(1, 6, 3)))
    mask = (rng.random(shape) < rng.choice([0.3, 0.5, 0.7])).astype(float)
    target = [mask, rng.random(shape), rng.integers(0, 4, shape) / 3][rng.choice(3, p=[0.6, 0.2, 0.2])]
    noise = rng.random(shape)
    prediction = [noise, rng.integers(0, 5, shape) / 4, np.round(noise), 0.6 * target + 0.4 * noise][rng.integers(4)]
    return prediction, target


def kernel(
    prediction: np.ndarray, target: np.ndarray, filtration: str, construction: str, threshold: float | None
) -> Found:
    of_prediction, of_target, partners = _native.betti_matching(
        prediction[None],
        target[None],
        superlevel=filtration == "superlevel",
        top_cells=construction == "T",
        threshold=threshold,
        num_threads=1,
    )

    def classes(table: tuple[np.ndarray, ...]) -> list[tuple]:
        _, dimension, birth_index, death_index = table
        births, deaths = (voxels_at(index, prediction.shape).tolist() for index in (birth_index, death_index))
        return [(k, tuple(b), tuple(d)) for k, b, d in zip(dimension.tolist(), births, deaths, strict=True)]

    first, second = classes(of_prediction), classes(of_target)
    matched = Counter((first[i], second[j]) for i, j in enumerate(partners.tolist()) if j >= 0)
    return Counter(first), Counter(second), matched


def kernel_on_halves(
    prediction: np.ndarray, target: np.ndarray, filtration: str, construction: str, threshold: float | None
) -> Found:
    """Matches the halved images: a mask is then not binary, so the kernel treats it as any other target."""
    if threshold is not None:
        threshold = 1 - (1 - threshold) / 2 if filtration == "superlevel" else threshold / 2
    return kernel(prediction / 2, target / 2, filtration, construction, threshold)


def oracle(prediction: np.ndarray, target: np.ndarray, *arguments: object) -> Found:
    def voxels(bar: Bar) -> tuple:
        return bar.dimension, bar.birth_voxel, bar.death_voxel

    result = induced_matching(prediction, target, *arguments)
    return (
        Counter(voxels(bar) for bars in result.prediction for bar in bars),
        Counter(voxels(bar) for bars in result.target for bar in bars),
        Counter((voxels(p), voxels(g)) for pairs in result.matched for p, g in pairs),
    )


@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("seed", range(10))
def test_matching_is_that_of_the_definition(seed: int, ndim: int, construction: str) -> None:
    rng = np.random.default_rng([seed, ndim])
    for round_ in range(30):
        prediction, target = predictions_and_targets(rng, ndim)
        filtration = ["superlevel", "sublevel"][round_ % 2]
        threshold = THRESHOLDS[rng.integers(len(THRESHOLDS))]
        expected = oracle(prediction, target, filtration, construction, threshold)
        assert kernel(prediction, target, filtration, construction, threshold) == expected, (round_, threshold)
        assert kernel_on_halves(prediction, target, filtration, construction, threshold) == expected, (
            round_,
            threshold,
        )


@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("shape", [(90, 70), (20, 24, 17)])
@pytest.mark.parametrize("threshold", [None, 0.5])
def test_threads_change_nothing_and_masks_match_as_any_other_target(
    shape: tuple[int, ...], construction: str, threshold: float | None
) -> None:
    rng = np.random.default_rng(3)
    prediction, target = rng.random((3, *shape), np.float32), (rng.random((3, *shape)) < 0.3).astype(np.float32)

    def match(num_threads: int) -> tuple:
        return _native.betti_matching(
            prediction,
            target,
            superlevel=True,
            top_cells=construction == "T",
            threshold=threshold,
            num_threads=num_threads,
        )

    one, two = match(1), match(2)
    np.testing.assert_equal(one, two)
    for item in range(3):
        arguments = (prediction[item], target[item], "superlevel", construction, threshold)
        assert kernel(*arguments) == kernel_on_halves(*arguments)
