"""Cases, their splits, and the patches drawn from them."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from oracles.tiny_training import AFFINE, make_cases, tiny_config, write_config
from segtopo.config import TrainingConfig, load_config
from segtopo.config.data import Split
from segtopo.errors import InputError
from segtopo.training.case_loading import load_case
from segtopo.training.data import PatchDataset, load_cases, patch_loader
from segtopo.training.training_cases import TrainingCase, find_cases, split_cases
from segtopo.volumes import Volume, write_volume


def config_of(data: Path, *overrides: str, dimensions: int = 2) -> TrainingConfig:
    path = write_config(data / "config.yaml", tiny_config(data, data / "out", dimensions))
    return load_config(path, overrides)


def refusal(data: Path, *overrides: str) -> str:
    config = config_of(data, *overrides)
    with pytest.raises(InputError) as caught:
        load_cases([case for cases in find_cases(config.data) for case in cases], config)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return make_cases(tmp_path, (24, 21))


def test_images_and_labels_are_paired_by_name_whatever_their_format(data: Path) -> None:
    write_volume(data / "images" / "case_9.png", np.zeros((20, 30), np.uint8))
    write_volume(data / "labels" / "case_9.tif", np.zeros((20, 30), np.uint8))
    cases, held_out = find_cases(config_of(data, "data.split=null").data)
    assert [(case.name, case.images[0].name, case.label.name) for case in cases][-1] == (
        "case_9",
        "case_9.png",
        "case_9.tif",
    )
    assert held_out == []


def test_missing_things_are_named(data: Path) -> None:
    assert "nowhere: got no such folder" in refusal(data, f"data.train.images={data / 'nowhere'}")
    (data / "empty").mkdir()
    assert "empty: got no image" in refusal(data, f"data.train.labels={data / 'empty'}")
    (data / "labels" / "case_1.nii.gz").unlink()
    assert "case_1.nii.gz: got no label, expected a file named case_1" in refusal(data)


def test_two_files_of_one_case_are_refused(data: Path) -> None:
    write_volume(data / "images" / "case_1.png", np.zeros((20, 30), np.uint8))
    assert "got case_1.nii.gz and case_1.png, expected one image of each name" in refusal(data)


def test_voxels_that_are_not_finite_are_refused(data: Path) -> None:
    image = np.zeros((24, 21), np.float32)
    image[3, 4] = np.nan
    write_volume(data / "images" / "case_0.nii.gz", image, Volume(image, AFFINE))
    assert "case_0.nii.gz: got NaN in 1 of 504 voxels, the first at (3, 4)" in refusal(data)
    image[3, 4] = np.inf
    write_volume(data / "images" / "case_0.nii.gz", image, Volume(image, AFFINE))
    assert "case_0.nii.gz: got infinite values" in refusal(data)


def test_image_and_label_must_lie_at_the_same_place(data: Path) -> None:
    write_volume(data / "labels" / "case_0.nii.gz", np.zeros((24, 20), np.uint8), Volume(np.zeros((24, 20)), AFFINE))
    assert "case_0.nii.gz: got shape (24, 21), expected the shape (24, 20) of " in refusal(data)
    write_volume(data / "labels" / "case_0.nii.gz", np.zeros((24, 21), np.uint8))
    assert "got spacing" in refusal(data)


def test_labels_must_be_those_of_the_config(data: Path) -> None:
    labels = np.zeros((24, 21), np.uint8)
    labels[:4], labels[9:] = 1, 3
    write_volume(data / "labels" / "case_0.nii.gz", labels, Volume(labels, AFFINE))
    assert "expected a binary mask" in refusal(data)
    assert "expected one channel of labels 0 to 2" in refusal(data, "data.classes=3")
    case = find_cases(config_of(data, "data.split=null").data)[0][0]
    chosen = load_case(case, config_of(data, "data.label=3"))
    assert np.array_equal(chosen.label[0], labels == 3)
    every = load_case(case, config_of(data, "data.classes=4"))
    assert np.array_equal(every.label[0], labels)


def test_axes_and_channels_must_be_those_of_the_config(data: Path, tmp_path: Path) -> None:
    assert "case_0.nii.gz: got 2 spatial axes, expected 3" in refusal(data, "patch_size=[8,8,8]")
    assert "got 1 channels, expected those of data.channels [1]" in refusal(data, "data.channels=[1]")
    colours = np.random.default_rng(0).integers(0, 255, (3, 24, 21)).astype(np.uint8)
    write_volume(tmp_path / "rgb" / "case_0.png", colours, Volume(np.zeros((24, 21))))
    write_volume(tmp_path / "rgb_label" / "case_0.png", np.zeros((24, 21), bool))
    case = TrainingCase("case_0", (tmp_path / "rgb" / "case_0.png",), tmp_path / "rgb_label" / "case_0.png")
    green = load_case(case, config_of(data, "data.channels=[1]")).image
    assert green.shape == (1, 24, 21)
    expected = (colours[1] - colours[1].mean()) / colours[1].std()
    assert np.allclose(green[0], expected, atol=1e-4)
    assert load_case(case, config_of(data)).image.shape == (3, 24, 21)


def test_a_split_keeps_groups_together() -> None:
    cases = [TrainingCase(f"Image_{child:02d}{eye}", (), Path()) for child in range(1, 11) for eye in "LR"]
    train, held_out = split_cases(cases, Split(fraction=0.2, group=r"Image_(\d+)"))
    assert (len(train), len(held_out)) == (16, 4)
    assert {case.name[6:8] for case in train}.isdisjoint(case.name[6:8] for case in held_out)
    assert split_cases(cases, Split(fraction=0.2, group=r"Image_(\d+)")) == (train, held_out)
    assert split_cases(cases, Split(fraction=0.2, group=r"Image_(\d+)", seed=5))[1] != held_out


@pytest.mark.parametrize(
    ("group", "problem"),
    [("Image", "only one group"), ("child", "found in the case name"), (r"Image_\d+|(\w+)", "found in the case name")],
)
def test_a_split_that_cannot_be_made_is_refused(group: str, problem: str) -> None:
    cases = [TrainingCase(name, (), Path()) for name in ("Image_1", "Image_2")]
    with pytest.raises(InputError, match=problem):
        split_cases(cases, Split(group=group))


def test_a_patch_depends_on_its_number_alone(data: Path) -> None:
    config = config_of(data)
    cases = load_cases(find_cases(config.data)[0], config)
    forwards, backwards = PatchDataset(cases, config), PatchDataset(cases, config)
    some = {number: backwards[number] for number in (20, 7, 3, 0)}
    for number, patch in some.items():
        assert all(torch.equal(patch[key], forwards[number][key]) for key in ("image", "label"))
    assert not torch.equal(some[0]["image"], some[3]["image"])


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_can_begin_at_any_iteration(data: Path, workers: int) -> None:
    config = config_of(data, f"workers={workers}")
    patches = PatchDataset(load_cases(find_cases(config.data)[0], config), config)
    whole, rest = list(patch_loader(patches, 0)), list(patch_loader(patches, 5))
    assert len(whole) == 12
    assert len(rest) == 7
    assert all(torch.equal(a["image"], b["image"]) for a, b in zip(whole[5:], rest, strict=True))
    assert {name for batch in whole[:3] for name in batch["case"]} == {case.name for case in patches.cases}


def test_workers_survive_the_signals_that_are_meant_for_the_training(data: Path) -> None:
    config = config_of(data, "workers=1")
    patches = PatchDataset(load_cases(find_cases(config.data)[0], config), config)
    batches = iter(patch_loader(patches, 0))
    next(batches)
    for worker in multiprocessing.active_children():
        for number in (signal.SIGTERM, signal.SIGINT):
            os.kill(worker.pid, number)
    time.sleep(0.3)
    assert len(list(batches)) == 11


def test_patches_hold_foreground_as_often_as_asked(tmp_path: Path) -> None:
    data = make_cases(tmp_path, (90, 70), count=2)
    for fraction in (0.0, 1.0):
        config = config_of(data, f"foreground_fraction={fraction}", "transforms=[]", "patch_size=[8,6]", "epochs=20")
        patches = PatchDataset(load_cases(find_cases(config.data)[0], config), config)
        held = np.mean([bool(patches[number]["label"].any()) for number in range(60)])
        assert held == 1.0 if fraction else held < 0.6


def test_an_image_smaller_than_the_patch_is_filled_up_with_zeros(data: Path) -> None:
    config = config_of(data, "transforms=[]", "patch_size=[32,16]")
    cases = load_cases(find_cases(config.data)[0], config)
    patch = PatchDataset(cases, config)[0]
    assert patch["image"].shape == patch["label"].shape == (1, 32, 16)
    assert patch["image"][:, :24].abs().sum() > 0
    assert patch["image"][:, 24:].abs().sum() == 0
    assert patch["image"].dtype == torch.float32
    assert patch["label"].dtype == torch.int64
