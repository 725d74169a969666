"""RandBreakVesselsd: gaps in the image that look like the background around a structure."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from monai.data.meta_tensor import MetaTensor

from segtopo.errors import InputError
from segtopo.masks.components import label_components
from segtopo.phantoms import rand_break_vessels
from segtopo.phantoms.rand_break_vessels import RandBreakVesselsd

Array = npt.NDArray[Any]


def tube(shape: tuple[int, ...], radius: int, label: int = 1) -> Array:
    """A straight tube along the last axis, through the whole label map."""
    labels = np.zeros((1, *shape), np.uint8)
    middle = tuple(slice(size // 2 - radius, size // 2 + radius + 1) for size in shape[:-1])
    labels[(0, *middle)] = label
    return labels


def broken(image: Array, labels: Array, seed: int = 0, **options: Any) -> Array:
    transform = RandBreakVesselsd("image", "label", prob=1.0, **options).set_random_state(seed=seed)
    before = labels.copy(), image.copy()
    result = transform({"image": image, "label": labels})
    assert np.array_equal(result["label"], before[0])
    assert np.array_equal(image, before[1]), "the image of the case in memory is not changed"
    return np.asarray(result["image"])


@pytest.mark.parametrize("shape", [(41, 60), (31, 25, 48)], ids=["2D", "3D"])
def test_a_tube_falls_into_one_piece_more_than_there_are_gaps(shape: tuple[int, ...]) -> None:
    labels = tube(shape, 1)
    image = broken(3 + 5 * labels.astype(np.float32), labels, breaks=(1, 1), length=(4.0, 8.0))
    core = tuple(size // 2 for size in shape[:-1])
    profile = image[(0, *core)]
    assert label_components(image[0] > 6, 8 if len(shape) == 2 else 26)[1] == 2
    assert profile[[0, -1]].tolist() == [8, 8], "the structure is not made shorter"
    assert 3 <= profile.min() <= 3 + 0.3 * 5 + 1e-3, "at least 0.7 of the contrast is lost"
    assert 2 <= (profile < 5.5).sum() <= 10
    outside = np.ones(shape, bool)
    outside[tuple(slice(c - 6, c + 7) for c in core)] = False
    assert np.array_equal(image[0][outside], np.full(int(outside.sum()), 3, np.float32))


def test_a_gap_has_the_mean_and_the_noise_of_the_background(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rand_break_vessels, "DEPTHS", (1.0, 1.0))
    rng = np.random.default_rng(0)
    labels = tube((60, 90), 2)
    gaps = []
    for seed in range(12):
        image = (10 + rng.normal(0, 1, labels.shape) + 20 * labels).astype(np.float32)
        result = broken(image, labels, seed, breaks=(1, 1), length=(10.0, 10.0), max_radius=9.0)
        centre = round(float(np.average(np.arange(90), weights=np.abs(result - image)[0].sum(axis=0))))
        gaps.append(result[0, 28:33, centre - 2 : centre + 3])
    pixels = np.concatenate(gaps, axis=None)
    assert pixels.mean() == pytest.approx(10, abs=0.3)
    assert pixels.std() == pytest.approx(1, abs=0.2)


def test_the_background_of_a_vessel_in_an_organ_is_the_organ() -> None:
    labels = np.ones((1, 50, 70), np.uint8)
    labels[0, :3] = 0
    labels[0, 24:27] = 2
    image = np.choose(labels, [0.0, 50.0, 90.0]).astype(np.float32)
    result = broken(image, labels, breaks=(3, 3), max_radius=3.0)
    assert result[labels == 2].min() == pytest.approx(50, abs=0.3 * 40 + 1)
    assert result[labels == 1].min() > 49
    assert np.array_equal(result[labels == 0], image[labels == 0])


def test_thick_and_short_structures_are_left_alone() -> None:
    thick = tube((60, 80), 8)
    short = np.zeros((1, 40, 50), np.uint8)
    short[0, 20:22, 20:27] = 1
    for labels in (thick, short, np.zeros((1, 20, 30), np.uint8), np.ones((1, 20, 30), np.uint8)):
        image = labels + np.random.default_rng(0).normal(size=labels.shape).astype(np.float32)
        assert np.array_equal(broken(image, labels, breaks=(5, 5)), image)


def test_all_channels_and_images_get_the_same_gaps() -> None:
    labels = tube((40, 64), 1)
    image = torch.from_numpy(np.concatenate([labels, 7 - 2 * labels, 3 * labels]).astype(np.float32))
    transform = RandBreakVesselsd(["a", "b"], "label", prob=1.0).set_random_state(seed=4)
    result = transform({"a": MetaTensor(image), "b": image[:1], "label": labels})
    assert isinstance(result["a"], MetaTensor)
    a, b = np.asarray(result["a"]), np.asarray(result["b"])
    assert a.shape == (3, 40, 64)
    assert np.allclose(a[0], b[0], atol=1e-5)
    assert np.allclose(7 - 2 * a[0], a[1], atol=1e-4)
    assert np.abs(a - image.numpy()).max() > 0.5


def test_the_seed_decides() -> None:
    labels = tube((40, 64), 1)
    image = labels.astype(np.float32)
    results = [broken(image, labels, seed) for seed in (1, 1, 2)]
    assert np.array_equal(results[0], results[1])
    assert not np.array_equal(results[0], results[2])
    never = RandBreakVesselsd("image", "label", prob=0.0).set_random_state(seed=1)
    assert never({"image": image, "label": labels})["image"] is image


def test_thin_structures_are_broken_more_often() -> None:
    labels = np.zeros((1, 80, 100), np.uint8)
    labels[0, 20:22] = 1
    labels[0, 55:62] = 1
    image = labels.astype(np.float32)
    changed = [
        np.abs(broken(image, labels, seed, breaks=(1, 1), max_radius=5.0) - image)[0] > 0.3 for seed in range(30)
    ]
    thin, thick = (sum(change[rows].any() for change in changed) for rows in (slice(0, 40), slice(40, 80)))
    assert thin + thick == 30
    assert thin > 2 * thick > 0


@pytest.mark.parametrize(
    "options", [{"breaks": (0, 2)}, {"breaks": (3, 2)}, {"length": (-1.0, 2.0)}, {"max_radius": 0.5}], ids=str
)
def test_options_out_of_their_range_are_named(options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=rf"^{next(iter(options))}: got .*, expected .*"):
        RandBreakVesselsd("image", "label", **options)
