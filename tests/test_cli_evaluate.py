"""``segtopo evaluate`` as a user runs it: options, failures, what is said, killed workers."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from segtopo.cli import run
from segtopo.volumes import write_volume

RING = np.pad(np.pad(np.zeros((2, 4), dtype=bool), 1, constant_values=True), 2)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b", "c"):
        write_volume(f"p/{name}.png", RING)
        write_volume(f"r/{name}.png", RING)
    return tmp_path


def rows(out: str, name: str = "cases.csv") -> list[dict[str, str]]:
    with (Path(out) / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_case_that_fails_is_a_row_and_an_exit_code(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_volume("p/b.png", RING.T)
    assert run(["evaluate", "p", "r", "--out", "out"]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("error: 1 of 3 cases failed, see cases.csv: p/b.png: got shape (10, 8), expected")
    assert printed.err.count("\n") == 1
    assert [(row["case"], row["dice"]) for row in rows("out")] == [("a", "1"), ("c", "1"), ("b", "")]
    assert "reports: out" in printed.out.splitlines()


def test_missing_and_extra_cases_are_said(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("p/b.png").rename("p/x.png")
    assert run(["evaluate", "p", "r", "--out", "out", "--skip-missing"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "no prediction: b" in lines
    assert "no reference: x" in lines
    assert run(["evaluate", "p", "r", "--out", "empty", "--missing-as-empty"]) == 0
    assert [(row["case"], row["dice"]) for row in rows("empty")] == [("a", "1"), ("b", "0"), ("c", "1")]
    summary = json.loads(Path("empty/summary.json").read_text(encoding="utf-8"))
    assert (summary["missing predictions"], summary["predictions without a reference"]) == (["b"], ["x"])


def test_a_rerun_scores_no_case_again(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["evaluate", "p", "r", "--out", "out"]
    assert run(command) == 0
    first = capsys.readouterr().out.splitlines()
    assert "evaluate 3/3: c" in first
    assert run(command) == 0
    second = capsys.readouterr().out.splitlines()
    assert second == [line for line in first if not line.startswith("evaluate ")]


def test_options_reach_the_scores(folders: Path) -> None:
    label_map = np.zeros((40, 50), np.uint8)
    label_map[5:9, 3:45], label_map[20:24, 3:45] = 1, 2
    write_volume("map.nii.gz", label_map)
    Path("labels.json").write_text(
        '{"labels": {"background": 0, "vein": 1, "artery": 2, "tree": [1, 2]}}', encoding="utf-8"
    )
    command = "evaluate map.nii.gz map.nii.gz --out out --labels labels.json --scores overlap,patches --patch-size 8"
    assert run([*command.split(), "--patch-stride", "4", "--label-map", "--markups"]) == 0
    assert [row["structure"] for row in rows("out")] == ["vein", "artery", "tree"]
    assert "patch_betti_error" in rows("out")[0]
    assert "hd95_mm" not in rows("out")[0]
    settings = json.loads(Path("out/summary.json").read_text(encoding="utf-8"))["settings"]
    assert settings["score_options"] == {"surface_tolerance": 1.0, "patch_size": 8, "patch_stride": 4}
    assert Path("out/cases/map/errors_tree.nii.gz").is_file()


def test_undecided_voxels_of_a_dataset_do_not_count(folders: Path) -> None:
    label_map = np.zeros((40, 50), np.uint8)
    label_map[5:9, 3:45], label_map[20:24, 3:45] = 1, 2
    write_volume("predicted.nii.gz", label_map)
    label_map[5:9, 30:45] = 3
    write_volume("reference.nii.gz", label_map)
    Path("dataset.json").write_text(
        '{"labels": {"background": 0, "vein": 1, "artery": 2, "ignore": 3}}', encoding="utf-8"
    )
    command = "evaluate predicted.nii.gz reference.nii.gz --out out --labels dataset.json --scores overlap"
    for options, dice in (([], "1"), (["--ignore-label", "9"], str(2 * 108 / (168 + 108)))):
        assert run([*command.split(), *options]) == 0
        assert [(row["structure"], row["dice"]) for row in rows("out")] == [("vein", dice), ("artery", "1")]


def test_a_table_of_pairs_takes_the_place_of_two_folders(folders: Path) -> None:
    Path("pairs.csv").write_text(
        "case,prediction,reference\nfirst,p/a.png,r/b.png\nsecond,p/c.png,r/c.png\n", encoding="utf-8"
    )
    assert run(["evaluate", "pairs.csv", "--out", "out"]) == 0
    assert [row["case"] for row in rows("out")] == ["first", "second"]


def test_a_name_in_a_table_cannot_leave_the_folder_of_reports(folders: Path) -> None:
    Path("pairs.csv").write_text("case,prediction,reference\n../../evil,p/a.png,r/b.png\n", encoding="utf-8")
    assert run(["evaluate", "pairs.csv", "--out", "deep/out"]) == 2
    assert not list(folders.rglob("evil*"))


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the worker processes in /proc")
def test_a_killed_worker_changes_nothing(folders: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(12):
        reference = rng.random((300, 320)) < 0.4
        write_volume(f"r/n{number}.png", reference)
        write_volume(f"p/n{number}.png", reference ^ (rng.random(reference.shape) < 0.02))
    command = [sys.executable, "-m", "segtopo.cli", "evaluate", "p", "r", "--workers", "2", "--out"]
    assert subprocess.run([*command, "whole"], capture_output=True, check=False).returncode == 0
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([*command, "killed"], **pipes, encoding="utf-8") as process:
        assert process.stdout is not None
        while "n1" not in process.stdout.readline():  # the workers are busy with the cases that follow
            pass
        victims = workers_of(process.pid)
        os.kill(victims[0], signal.SIGKILL)
        process.stdout.read()
        assert process.wait() == 0
    assert Path("killed/cases.csv").read_bytes() == Path("whole/cases.csv").read_bytes()


def workers_of(parent: int) -> list[int]:
    """The processes that a process has started to compute."""
    found: list[int] = []
    deadline = time.monotonic() + 30
    while not found and time.monotonic() < deadline:
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                status, command = (entry / "stat").read_text(encoding="utf-8"), (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if int(status.rpartition(")")[2].split()[1]) == parent and b"spawn_main" in command:
                found.append(int(entry.name))
    return found
