"""Overlap, centreline, topology and patches against independent computations."""

import itertools

import numpy as np
import pytest
import torch

from oracles.betti import betti_numbers
from oracles.euler import euler_characteristic
from oracles.inclusion import kernel_and_cokernel
from oracles.mask_pairs import hostile_pairs, random_pair
from oracles.masks import MASKS
from oracles.peers import gudhi_diagrams
from segtopo.evaluation.scores import MaskPair, ScoreOptions, compute_scores
from segtopo.masks.skeletons import skeleton
from segtopo.metrics import compute_betti_matching_scores, compute_cldice
from segtopo.persistence import Construction

Masks = tuple[np.ndarray, np.ndarray]
PAIRS = [random_pair(seed, ndim, 6)[:2] for seed in range(12) for ndim in (2, 3)] + [*hostile_pairs().values()]
CONSTRUCTIONS: tuple[Construction, ...] = ("T", "V")


def scores_of(pair: Masks, group: str, construction: Construction = "T", **options: int) -> dict[str, float]:
    spacing = (0.5, 2.0, 1.2)[: pair[0].ndim]
    return compute_scores(MaskPair(*pair, spacing, construction, options=ScoreOptions(**options)), [group])


@pytest.mark.parametrize("pair", PAIRS)
def test_overlap_by_counting(pair: Masks) -> None:
    p, r = ({tuple(voxel) for voxel in np.argwhere(mask).tolist()} for mask in pair)
    found = scores_of(pair, "overlap")
    volume, unit, size = ("area", "mm2", 1.0) if pair[0].ndim == 2 else ("volume", "mm3", 1.2)
    assert found == pytest.approx(
        {
            "dice": 2 * len(p & r) / (len(p) + len(r)),
            "iou": len(p & r) / len(p | r),
            "precision": len(p & r) / len(p),
            "recall": len(p & r) / len(r),
            f"{volume}_prediction_{unit}": size * len(p),
            f"{volume}_reference_{unit}": size * len(r),
            f"{volume}_difference": abs(len(p) - len(r)) / len(r),
        }
    )
    assert found["dice"] == pytest.approx(2 * found["iou"] / (1 + found["iou"]))


@pytest.mark.parametrize("pair", PAIRS)
def test_centrelines_by_definition_and_as_the_metric(pair: Masks) -> None:
    found = scores_of(pair, "centreline")
    of_prediction, of_reference = (skeleton(mask) for mask in pair)
    assert found["cldice_precision"] == (of_prediction & pair[1]).sum() / of_prediction.sum()
    assert found["cldice_sensitivity"] == (of_reference & pair[0]).sum() / of_reference.sum()
    metric = compute_cldice(*(torch.from_numpy(mask)[None, None] for mask in pair))
    assert found["cldice"] == pytest.approx(metric.item())


@pytest.mark.parametrize("construction", CONSTRUCTIONS)
@pytest.mark.parametrize("pair", PAIRS)
def test_topology_equals_cells_gudhi_and_the_metric(pair: Masks, construction: Construction) -> None:
    found = scores_of(pair, "topology", construction)
    dimensions = range(pair[0].ndim)

    def values(name: str) -> list[float]:
        return [found[name.format(k)] for k in dimensions]

    numbers = [betti_numbers(mask, construction) for mask in pair]
    for mask, name, betti in zip(pair, ("prediction", "reference"), numbers, strict=True):
        assert values("betti_{}_" + name) == list(betti) == gudhi_betti_numbers(mask, construction)
        assert found[f"euler_{name}"] == euler_characteristic(mask, construction)
    assert values("betti_{}_error") == [abs(p - r) for p, r in zip(*numbers, strict=True)]
    assert found["euler_error"] == abs(found["euler_prediction"] - found["euler_reference"])
    kernel, cokernel = kernel_and_cokernel(pair[0] & pair[1], pair[0] | pair[1], construction)
    assert values("diu_{}") == [sum(both) for both in zip(kernel, cokernel, strict=True)]
    metric = compute_betti_matching_scores(
        *(torch.from_numpy(mask)[None, None] for mask in pair), construction=construction, reduce_dimensions=False
    )
    for name, of_metric in metric._asdict().items():
        assert values("betti_matching_{}_" + name) == pytest.approx(of_metric[0, 0].tolist())
    for name, of_dimension in (
        ("betti_error", "betti_{}_error"),
        ("diu", "diu_{}"),
        ("betti_matching_error", "betti_matching_{}_error"),
    ):
        assert found[name] == sum(values(of_dimension))


def gudhi_betti_numbers(mask: np.ndarray, construction: Construction) -> list[int]:
    diagrams = gudhi_diagrams(mask.astype(float), "superlevel", construction)
    return [int((diagram[:, 0] == 1).sum()) for diagram in diagrams]


@pytest.mark.parametrize("known", [known for known in MASKS if known.mask.any()], ids=lambda known: known.name)
def test_masks_of_known_topology(known) -> None:
    found = scores_of((known.mask, known.mask), "topology")
    assert tuple(found[f"betti_{k}_reference"] for k in range(known.mask.ndim)) == known.betti_t
    assert found["euler_reference"] == sum((-1) ** k * number for k, number in enumerate(known.betti_t))


@pytest.mark.parametrize(("size", "stride"), [(3, None), (3, 1), (4, 3), (2, 2), (64, None)])
@pytest.mark.parametrize("construction", CONSTRUCTIONS)
def test_patches_by_loops(size: int, stride: int | None, construction: Construction) -> None:
    for pair in PAIRS[:8]:
        errors = []
        for corner in itertools.product(*(starts(length, size, stride or size) for length in pair[0].shape)):
            patch = tuple(slice(start, start + size) for start in corner)
            numbers = [betti_numbers(mask[patch], construction) for mask in pair]
            errors.append(np.abs(np.subtract(*numbers)))
        found = scores_of(pair, "patches", construction, patch_size=size, patch_stride=stride)
        assert list(found.values()) == pytest.approx([*np.mean(errors, axis=0), np.sum(errors) / len(errors)])


def starts(length: int, size: int, stride: int) -> list[int]:
    """Steps of the stride, and one last patch at the end, where the steps do not reach it."""
    found = [0]
    while found[-1] + size < length:
        found.append(min(found[-1] + stride, length - size))
    return found


def test_patches_see_errors_that_cancel_in_the_image() -> None:
    prediction, reference = np.zeros((2, 8, 32), bool)
    prediction[3, 1:13] = prediction[3, 18:30] = reference[3, 1:13] = reference[3, 18:30] = True
    prediction[3, 6] = False  # one vessel is broken
    prediction[3, 13:18] = True  # and joined to the next
    pair = prediction, reference
    assert scores_of(pair, "topology")["betti_error"] == 0
    assert scores_of(pair, "patches", patch_size=11)["patch_betti_error"] > 0


def test_an_image_smaller_than_a_patch_is_one_patch() -> None:
    for pair in PAIRS:
        whole = scores_of(pair, "topology")["betti_error"]
        assert scores_of(pair, "patches", patch_size=64)["patch_betti_error"] == whole
