"""Labels of a training: classes without a voxel are refused, and voxels that are ignored count nowhere."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

from oracles.tiny_training import make_cases, tiny_config, write_config
from segtopo.config import TrainingConfig, load_config
from segtopo.config.output_channels import OutputChannels
from segtopo.errors import InputError
from segtopo.training import train
from segtopo.training.labels import check_all_present, load_label
from segtopo.training.validation import score
from segtopo.volumes import read_volume, write_volume

QUIET = Console(file=StringIO())
TOPOLOGY = "loss={name: CombinedTopologyLoss, include_background: false, topology_loss: {name: %s}}"


def config_of(data: Path, *overrides: str) -> TrainingConfig:
    return load_config(write_config(data / "config.yaml", tiny_config(data, data / "out")), overrides)


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        (["data.label=255"], "data.label: got 255: no voxel of the 3 label files, expected a label that the training"),
        (["data.classes=3"], "data.classes: got 3: no voxel of the 3 label files is of class 2, expected classes that"),
        (["data.ignore_label=1"], "data.classes: got 2: no voxel of the 3 label files is of class 1, expected classes"),
    ],
)
def test_a_class_without_a_voxel_is_refused_before_the_training(
    overrides: list[str], problem: str, tmp_path: Path
) -> None:
    data = make_cases(tmp_path, (24, 21))
    path = write_config(tmp_path / "config.yaml", tiny_config(data, tmp_path / "out"))
    with pytest.raises(InputError) as caught:
        train(path, overrides, console=QUIET)
    assert str(caught.value).startswith(problem)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out" / "last.pt").exists()


def test_one_case_with_a_class_is_enough() -> None:
    data = TrainingConfig.model_validate_json(json.dumps(tiny_config(Path(), Path("out")))).data
    check_all_present([[10, 0], [10, 1]], data)
    with pytest.raises(InputError):
        check_all_present([[10, 0], [10, 0]], data)


@pytest.mark.parametrize(
    ("values", "overrides", "expected"),
    [
        ([0, 1, 9, 1], ["data.ignore_label=9"], [0, 1, 2, 1]),
        ([0, 255, 9, 255], ["data.ignore_label=9"], [0, 1, 2, 1]),
        ([0, 1, 2, 3], ["data.ignore_label=3", "data.label=2"], [0, 0, 1, 2]),
        ([0, 1, 2, 255], ["data.ignore_label=255", "data.classes=3"], [0, 1, 2, 3]),
        ([0, 1, 2, 1], ["data.ignore_label=-1", "data.classes=3"], [0, 1, 2, 1]),
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_ignored_voxels_have_a_number_of_their_own(
    values: list[int], overrides: list[str], expected: list[int], dtype: Any, tmp_path: Path
) -> None:
    labels = np.repeat(np.array(values, dtype), 15).reshape(4, 3, 5)
    write_volume(tmp_path / "a.nii.gz", labels)
    found = load_label(tmp_path / "a.nii.gz", config_of(tmp_path, *overrides).data)
    assert found.array.dtype == np.uint8
    assert np.array_equal(found.array, np.repeat(expected, 15).reshape(4, 3, 5))


def test_other_values_than_those_of_the_config_are_refused(tmp_path: Path) -> None:
    write_volume(tmp_path / "a.nii.gz", np.array([[0, 1, 2], [3, 9, 9]], np.uint8))
    for overrides, problem in (
        (["data.ignore_label=9"], "expected a binary mask"),
        (["data.ignore_label=9", "data.classes=3"], "expected one channel of labels 0 to 2 and 9, which is ignored,"),
    ):
        with pytest.raises(InputError, match=problem):
            load_label(tmp_path / "a.nii.gz", config_of(tmp_path, *overrides).data)


@pytest.mark.parametrize(
    "loss",
    [
        "loss.include_background=false",
        *(TOPOLOGY % name for name in ("TopoLoss", "SoftclDiceLoss", "BettiMatchingLoss", "SkeletonRecallLoss")),
    ],
)
@pytest.mark.parametrize("classes", [2, 3])
def test_ignored_voxels_count_in_no_loss(loss: str, classes: int, tmp_path: Path) -> None:
    config = config_of(tmp_path, f"data.classes={classes}", "data.ignore_label=9", loss)
    loss_function = config.build_loss()
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, classes, 16, 12, generator=generator)
    labels = torch.randint(0, classes, (2, 1, 16, 12), generator=generator)
    labels[:, :, 3:9, 4:10] = classes
    logits.requires_grad_()
    value = loss_function(logits, labels)
    value.backward()
    assert logits.grad is not None
    assert torch.isfinite(value)
    assert not logits.grad[:, :, 3:9, 4:10].any()
    assert logits.grad[:, :, 9:].any()
    other = logits.detach().clone()
    other[:, :, 3:9, 4:10] = 30 * torch.randn(2, classes, 6, 6, generator=generator)
    assert torch.isclose(loss_function(other, labels), value)


def test_without_ignored_voxels_the_loss_is_that_of_monai(tmp_path: Path) -> None:
    config = config_of(tmp_path, "data.classes=3", "loss.weight=[0.5, 1, 2]", "loss.include_background=true")
    logits, labels = torch.randn(2, 3, 9, 7), torch.randint(0, 3, (2, 1, 9, 7))
    assert torch.isclose(config.loss.build(3)(logits, labels), config.loss.build()(logits, labels))


def test_ignored_voxels_count_in_no_score() -> None:
    label = torch.zeros(1, 12, 9, dtype=torch.uint8)
    label[:, 2:4, 1:8], label[:, 7:] = 1, 2
    prediction = label.clone()
    prediction[:, 9, 3] = 0
    prediction[prediction == 2] = 1  # wrong, and a loop, where nobody has decided
    found = score(prediction, label, OutputChannels(((1,),), ignored=2))
    assert (found.dice, found.betti_errors) == (1.0, (0.0, 0.0))


def test_a_training_with_undecided_voxels_learns_the_others(tmp_path: Path) -> None:
    data = make_cases(tmp_path, (24, 21))
    for path in sorted((data / "labels").iterdir()):
        volume = read_volume(path)
        labels = volume.array.astype(np.uint8)
        labels[14:] = 2
        write_volume(path, labels, volume)
    path = write_config(tmp_path / "config.yaml", tiny_config(data, tmp_path / "out"))
    result = train(path, ["data.ignore_label=2", "epochs=12", "validation.repair=true"], console=QUIET)
    assert max(row["val_dice"] for row in result.history) > 0.6
    assert (tmp_path / "out" / "repair_rules.json").exists()
