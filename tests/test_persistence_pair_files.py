"""Files of persistence pairs: what is written is what was computed."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segtopo.errors import InputError
from segtopo.persistence import PersistencePairs, compute_persistence, write_pairs
from segtopo.persistence.pair_files import check_pair_file

every_shape = pytest.mark.parametrize("shape", [(6, 9), (4, 5, 7)])


def pairs_of(shape: tuple[int, ...], filtration: Any = "superlevel") -> PersistencePairs:
    return compute_persistence(np.random.default_rng(0).random(shape), filtration=filtration)


@every_shape
@pytest.mark.parametrize("filtration", ["superlevel", "sublevel"])
def test_csv_has_a_row_for_each_pair(shape: tuple[int, ...], filtration: str, tmp_path: Path) -> None:
    pairs = pairs_of(shape, filtration)
    write_pairs(tmp_path / "pairs.csv", pairs)
    with (tmp_path / "pairs.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    axes = range(len(shape))
    voxels = [f"{name}_voxel_{axis}" for name in ("birth", "death") for axis in axes]
    assert header == ["dimension", "birth", "death", *voxels]
    columns = (pairs.dimensions[:, None], pairs.births[:, None], pairs.deaths[:, None])
    expected = np.hstack([*columns, pairs.birth_voxels, pairs.death_voxels])
    np.testing.assert_array_equal(np.array(rows, float), expected)


@every_shape
@pytest.mark.parametrize("filtration", ["superlevel", "sublevel"])
def test_json_has_null_for_the_death_of_essential_features(
    shape: tuple[int, ...], filtration: str, tmp_path: Path
) -> None:
    pairs = pairs_of(shape, filtration)
    write_pairs(str(tmp_path / "pairs.json"), pairs)
    document = json.loads((tmp_path / "pairs.json").read_text(encoding="utf-8"))
    assert document.pop("pairs") == [
        {
            "dimension": int(pairs.dimensions[i]),
            "birth": float(pairs.births[i]),
            "death": None if pairs.essential[i] else float(pairs.deaths[i]),
            "birth_voxel": pairs.birth_voxels[i].tolist(),
            "death_voxel": None if pairs.essential[i] else pairs.death_voxels[i].tolist(),
        }
        for i in range(len(pairs))
    ]
    assert document == {"shape": list(shape), "filtration": filtration, "construction": "T"}


def test_json_has_no_infinite_numbers(tmp_path: Path) -> None:
    write_pairs(tmp_path / "pairs.json", compute_persistence([[np.inf, -np.inf, 0.5]]))

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    first, second = json.loads((tmp_path / "pairs.json").read_text(encoding="utf-8"), parse_constant=refuse)["pairs"]
    assert (first["birth"], second["birth"], second["death"], second["death_voxel"]) == (None, 0.5, None, [0, 1])


@every_shape
def test_npz_has_the_fields(shape: tuple[int, ...], tmp_path: Path) -> None:
    pairs = pairs_of(shape)
    write_pairs(tmp_path / "pairs.npz", pairs)
    with np.load(tmp_path / "pairs.npz") as arrays:
        assert set(arrays) == set(vars(pairs))
        for name, value in vars(pairs).items():
            np.testing.assert_array_equal(arrays[name], value)


@pytest.mark.parametrize("suffix", ["csv", "json", "npz"])
def test_folders_are_made_and_files_are_replaced(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / "new" / f"pairs.{suffix}"
    sizes = []
    for shape in ((9, 12), (1, 2)):
        write_pairs(path, pairs_of(shape))
        sizes.append(path.stat().st_size)
    assert sizes[1] < sizes[0]
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["pairs", "pairs.txt", "pairs.csv.gz", "pairs.CSV "])
def test_other_extensions_are_refused_before_anything_is_written(name: str, tmp_path: Path) -> None:
    for call in (lambda path: write_pairs(path, pairs_of((3, 4))), check_pair_file):
        with pytest.raises(InputError, match=r"got extension '.*', expected a name that ends in \.csv, \.json, \.npz$"):
            call(tmp_path / "folder" / name)
    assert list(tmp_path.iterdir()) == []
