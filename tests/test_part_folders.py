"""Hidden folders of killed processes are removed, those of living ones are kept."""

from pathlib import Path

from segtopo.case_records import CaseRecords
from segtopo.evaluation.case_store import CaseStore
from segtopo.part_folders import part_folder, remove_abandoned

ABANDONED = ".case_0.json.ce17a050.part"


def test_a_folder_beside_a_whole_output_is_removed(tmp_path: Path) -> None:
    abandoned = tmp_path / "records" / "cases" / ABANDONED
    abandoned.mkdir(parents=True)
    (abandoned / "case_0.json").touch()
    others = [tmp_path / ".hidden", tmp_path / "records" / ".case.part", tmp_path / "a.12345678.part"]
    for other in others:
        other.mkdir()
    (tmp_path / ".file.12345678.part").touch()
    with part_folder(tmp_path, "out") as living:
        remove_abandoned(tmp_path)
        assert living.is_dir()
    assert not abandoned.exists()
    assert all(other.is_dir() for other in others)
    assert (tmp_path / ".file.12345678.part").is_file()


def test_a_rerun_removes_what_a_kill_has_left_beside_finished_cases(tmp_path: Path) -> None:
    with CaseRecords(tmp_path / "masks", {}) as records:
        records.save("case_0", [], [], {})
    for abandoned in (
        tmp_path / "masks" / "records" / "cases" / ABANDONED,
        tmp_path / "masks" / ".m.png.00000000.part",
    ):
        abandoned.mkdir()
        with CaseRecords(tmp_path / "masks", {}) as records:
            assert records.load("case_0", []) == {}
        assert not abandoned.exists()


def test_an_evaluation_removes_what_a_kill_has_left_among_its_cases(tmp_path: Path) -> None:
    abandoned = tmp_path / "cases" / "case_0" / ".outputs.00000000.part"
    kept = tmp_path / ABANDONED
    for folder in (abandoned, kept):
        folder.mkdir(parents=True)
    CaseStore(tmp_path).remove_abandoned()
    assert kept.is_dir()
    assert not abandoned.exists()
