"""Diagrams of probability maps: the features of the map, and their way from the files to the report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from oracles.peers import gudhi_diagrams
from segtopo.evaluation import EvaluationOptions, evaluate
from segtopo.evaluation.diagrams import map_features
from segtopo.volumes import write_volume

RING = np.zeros((8, 10), bool)
RING[1:7, 1:8] = True
RING[3:5, 3:6] = False


@pytest.mark.parametrize("shape", [(9, 14), (5, 6, 7)])
def test_the_features_are_those_of_gudhi_and_the_longest_come_first(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    probability, reference = rng.permutation(np.prod(shape)).reshape(shape) / 1000, rng.random(shape) < 0.3
    features = map_features(probability, reference, "V")
    for dimension, diagram in enumerate(gudhi_diagrams(probability, "superlevel", "V")):
        ends = [(round(birth, 4), round(max(death, 0), 4)) for birth, death in diagram.tolist()]
        found = sorted((of.birth, of.death) for of in features if of.dimension == dimension)
        assert np.allclose(found, sorted(ends))
    lengths = [feature.birth - feature.death for feature in features]
    assert (np.diff(lengths) < 1e-9).all()
    assert map_features(probability, reference, "V", most=5) == features[:5]
    assert all(probability[feature.voxel] == pytest.approx(feature.birth) for feature in features)


def test_features_of_the_reference_have_a_partner() -> None:
    probability = np.where(RING, 0.9, 0.1)
    probability[1:3, 4] = probability[5:7, 4] = 0.3  # two gaps
    probability[0, 9] = 0.6  # a spurious piece
    features = {(of.dimension, of.birth, of.death): of.matched for of in map_features(probability, RING)}
    assert features == {(0, 0.9, 0.0): True, (0, 0.9, 0.3): False, (0, 0.6, 0.1): False, (1, 0.3, 0.1): True}


@pytest.mark.parametrize("value", [-0.1, 1.5, 255.0, float("nan")])
def test_a_map_without_probabilities_has_no_diagram(value: float) -> None:
    probability = np.zeros(RING.shape)
    probability[2, 3] = value
    assert map_features(probability, RING) == ()


def test_a_rerun_keeps_the_features_and_masks_have_none(tmp_path: Path) -> None:
    write_volume(tmp_path / "p/a.nii.gz", np.where(RING, 0.75, 0.25).astype(np.float32))
    write_volume(tmp_path / "r/a.nii.gz", RING)
    options = EvaluationOptions(threshold=0.5)
    first, second = (evaluate(tmp_path / "p", tmp_path / "r", tmp_path / "out", options) for _ in range(2))
    assert [(of.dimension, of.matched) for of in first.cases[0].features] == [(0, True), (1, True)]
    assert second.cases == first.cases
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert json.dumps({"dimension": 1, "birth": 0.75, "death": 0.25}, separators=(",", ":"))[:-1] in page
    masks = evaluate(tmp_path / "r", tmp_path / "r", tmp_path / "masks")
    assert masks.cases[0].features == ()


def test_voxels_that_do_not_count_have_no_features(tmp_path: Path) -> None:
    probability = np.where(RING, 0.75, 0.0).astype(np.float32)
    probability[7, 9] = 0.875
    write_volume(tmp_path / "p.nii.gz", probability)
    write_volume(tmp_path / "r.nii.gz", RING)
    write_volume(tmp_path / "roi.nii.gz", np.indices(RING.shape)[0] < 7)
    options = EvaluationOptions(threshold=0.5)
    found = evaluate(
        tmp_path / "p.nii.gz", tmp_path / "r.nii.gz", tmp_path / "out", options, roi=tmp_path / "roi.nii.gz"
    )
    assert [(of.dimension, of.birth) for of in found.cases[0].features] == [(0, 0.75), (1, 0.75)]
