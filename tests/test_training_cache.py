"""The cache of prepared cases: complete or made again, shared, damaged, bounded; and patches of rare classes."""

from __future__ import annotations

import json
import multiprocessing
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from oracles.tiny_training import make_cases, tiny_config, write_config
from segtopo.config import TrainingConfig, load_config
from segtopo.errors import InputError
from segtopo.training import case_cache, foreground
from segtopo.training.case_cache import CachedCase, CaseCache
from segtopo.training.case_loading import LoadedCase, load_case
from segtopo.training.data import PatchDataset, load_cases
from segtopo.training.training_cases import find_cases
from segtopo.volumes import write_volume


def config_of(data: Path, *overrides: str, dimensions: int = 2) -> TrainingConfig:
    path = write_config(data / "config.yaml", tiny_config(data, data / "out", dimensions))
    return load_config(path, ["data.split=null", *overrides])


def cached(config: TrainingConfig) -> list[CachedCase]:
    return load_cases(find_cases(config.data)[0], config)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return make_cases(tmp_path, (24, 21), count=2)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the cases that are read from their files."""
    names: list[str] = []

    def load(case: Any, config: TrainingConfig) -> LoadedCase:
        names.append(case.name)
        return load_case(case, config)

    monkeypatch.setattr(case_cache, "load_case", load)
    return names


@pytest.mark.parametrize("shape", [(24, 21), (70, 9, 66), (600, 5)])
def test_a_cached_case_has_the_values_of_its_files(shape: tuple[int, ...], tmp_path: Path) -> None:
    config = config_of(make_cases(tmp_path, shape, count=1), dimensions=len(shape))
    case = find_cases(config.data)[0][0]
    expected, found = load_case(case, config), CaseCache(config.cache_folder, config).get(case)
    assert (found.grid, found.channels, found.spacing) == (expected.grid, 1, expected.spacing)
    arrays = ((found.image, expected.image), (found.label, expected.label), (found.reference, expected.reference))
    for array, reference in arrays:
        assert array[:].dtype == reference.dtype
        assert np.array_equal(array[:], reference)
        window = (slice(None), *(slice(length // 3, length // 2) for length in shape))
        assert np.array_equal(array[window], reference[window])
    assert found.voxels == tuple(np.bincount(expected.label.ravel()))
    assert np.array_equal(found.foreground, np.flatnonzero(expected.label))


def test_a_case_is_read_once(data: Path, loads: list[str]) -> None:
    first = cached(config_of(data))
    assert loads == ["case_0", "case_1"]
    assert cached(config_of(data, "epochs=9", "seed=4", "data.split={fraction: 0.5}")) == first[:1]
    assert loads == ["case_0", "case_1"]


@pytest.mark.parametrize(
    "override", ["data.channels=[0]", "data.label=1", "data.spacing=[2, 2]", "data.normalization={name: Percentiles}"]
)
def test_another_config_of_the_data_has_entries_of_its_own(data: Path, loads: list[str], override: str) -> None:
    first, second = cached(config_of(data)), cached(config_of(data, override))
    assert len(loads) == 4
    assert {case.folder for case in first}.isdisjoint(case.folder for case in second)


@pytest.mark.parametrize("file", ["images/case_1.nii.gz", "labels/case_1.nii.gz"])
def test_a_changed_file_is_read_again(data: Path, loads: list[str], file: str) -> None:
    cached(config_of(data))
    os.utime(data / file, ns=(0, 0))
    cached(config_of(data))
    assert loads == ["case_0", "case_1", "case_1"]


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-3])


def flip_a_byte(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("damage", [truncate, flip_a_byte, Path.unlink])
@pytest.mark.parametrize("name", ["image.b2nd", "label.b2nd", "reference.b2nd", "foreground.npy", "case.json"])
def test_a_damaged_entry_is_made_again(data: Path, loads: list[str], name: str, damage: Any) -> None:
    first = cached(config_of(data))
    damage(first[1].folder / name)
    again = cached(config_of(data))
    assert again == first
    assert np.array_equal(again[1].label[:], load_case(find_cases(config_of(data).data)[0][1], config_of(data)).label)
    assert loads == ["case_0", "case_1", "case_1"]


def test_a_copy_of_a_cache_is_used(data: Path, loads: list[str]) -> None:
    first = cached(config_of(data))
    for file in first[0].folder.iterdir():
        os.utime(file, ns=(0, 0))
    assert cached(config_of(data)) == first
    assert len(loads) == 2


def test_an_error_or_a_kill_leaves_no_entry_that_counts(
    data: Path, loads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(data)
    with monkeypatch.context() as context:
        context.setattr(case_cache, "count_voxels", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            cached(config)
    assert [path.name for path in config.cache_folder.iterdir()] == ["lock"]
    (entry, _) = cached(config)
    (entry.folder / "case.json").unlink()  # a process that was killed has not written this file
    assert cached(config)[0] == entry
    assert not [path for path in config.cache_folder.rglob("*") if path.name.startswith(".")]


def test_several_processes_may_prepare_the_same_cases(data: Path) -> None:
    config = config_of(data)  # before the fork: torch computes nothing in a forked process
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=cached, args=(config,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert len(cached(config)) == 2


def test_trainings_may_share_a_cache(data: Path, tmp_path: Path, loads: list[str]) -> None:
    cached(config_of(data, f"cache={tmp_path / 'shared'}"))
    cached(config_of(data, f"cache={tmp_path / 'shared'}", f"out={tmp_path / 'other'}"))
    assert len(loads) == 2
    assert not (data / "out").exists()


def test_a_cache_that_cannot_be_written_is_refused(data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match=r"^cache: got .*, which cannot be written \(.*\), expected a writable folder"):
        cached(config_of(data, f"cache={tmp_path / 'file'}"))


def test_the_sample_of_the_foreground_is_bounded_and_has_every_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreground, "LARGEST_SAMPLE", 50)
    labels = np.zeros((40, 30), np.uint8)
    labels[5:25], labels[30, 3], labels[35:, 4] = 1, 3, 9
    voxels = [int((labels == label).sum()) for label in range(4)]
    samples = foreground.sample_foreground(labels, voxels)
    values = labels.ravel()[samples]
    assert np.bincount(values).tolist() == [0, 50, 0, 1]
    assert len(set(samples)) == 51
    generator = np.random.default_rng(0)
    drawn = [labels.flat[foreground.draw_voxel(samples, voxels, generator)] for _ in range(400)]
    assert abs(drawn.count(3) - 200) < 50
    assert foreground.draw_voxel(samples[:0], [1200, 0, 0, 0], generator) is None


def test_patches_hold_a_rare_class_as_often_as_a_common_one(tmp_path: Path) -> None:
    labels = np.zeros((90, 70), np.uint8)
    labels[:60, :60], labels[80:82, 60:63] = 1, 2
    for folder in ("images", "labels"):
        write_volume(tmp_path / folder / "a.tif", labels)
    config = config_of(
        tmp_path, "data.classes=3", "foreground_fraction=1.0", "transforms=[]", "patch_size=[8,6]", "epochs=50"
    )
    patches = PatchDataset(cached(config), config)
    rare = np.mean([bool((patches[number]["label"] == 2).any()) for number in range(300)])
    assert 0.4 < rare < 0.6


def test_the_content_of_an_entry_is_plain(data: Path) -> None:
    (case, _) = cached(config_of(data))
    content = json.loads((case.folder / "case.json").read_text(encoding="utf-8"))
    assert content["grid"]["shape"] == [24, 21]
    assert content["files"].keys() == {"foreground.npy", "image.b2nd", "label.b2nd", "reference.b2nd"}
