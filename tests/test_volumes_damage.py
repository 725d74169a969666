"""Damaged files of every format: the right values or one line, never the end of the process."""

from pathlib import Path

from oracles.damaged_files import FULLY_CHECKED, VOXELS_CHECKED, damaged_copies, intact_files, outcomes


def test_damage_is_noticed_and_ends_no_process(tmp_path: Path) -> None:
    files = intact_files(tmp_path / "intact")
    copies = damaged_copies(files, tmp_path / "damaged", count=3000, seed=0)
    found = outcomes(tmp_path / "intact", list(copies), tmp_path / "log")
    allowed = {"right", "refused", "other values", "other geometry"}
    assert not {path: outcome for path, outcome in found.items() if outcome not in allowed}
    assert sum(outcome == "refused" for outcome in found.values()) > len(files)

    silent = {path: outcome for path, outcome in found.items() if outcome.startswith("other")}
    assert not {path: copies[path] for path in silent if path.name in FULLY_CHECKED or copies[path].startswith("cut")}
    # Voxels under a checksum can change only through a damaged header.
    assert not {path for path in silent if path.name in VOXELS_CHECKED and copies[path] == "changed of voxels"}


def test_an_intact_file_is_read_right_in_the_process(tmp_path: Path) -> None:
    files = intact_files(tmp_path / "intact")
    assert set(outcomes(tmp_path / "intact", files, tmp_path / "log").values()) == {"right"}
