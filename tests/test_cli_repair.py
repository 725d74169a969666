"""``segtopo repair``: its rules, its lines, and how it ends."""

from __future__ import annotations

import csv
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from oracles.repair_rules import rules_of
from segtopo.cli import run
from segtopo.repair import RepairRules
from segtopo.volumes import Volume, read_mask, write_volume

NO_SIZES = ("--min-piece-size", "0", "--min-hole-size", "0")
DEFAULTS = {
    "betti_numbers": "no limits",
    "max_path_cost": "no limit",
    "min_piece_size": "100 voxels",
    "min_hole_size": "20 pixels, 5 voxels",
}


@pytest.fixture
def maps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two maps: a broken line beside a speck; and nothing."""
    line = np.zeros((5, 9), np.float32)
    line[2] = [0.9, 0.9, 0.2, 0.9, 0.9, 0, 0, 0, 0.7]
    write_volume(tmp_path / "maps/line.nii.gz", line)
    write_volume(tmp_path / "maps/nothing.nii.gz", np.zeros((5, 9), np.float32))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "maps"


def kinds(out: Path) -> list[str]:
    with (out / "edits.csv").open(newline="", encoding="utf-8") as file:
        return [row["kind"] for row in csv.DictReader(file)]


def test_a_repair_prints_its_progress_and_its_edits(maps: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["repair", "maps", "--out", "out", "--min-piece-size", "2"]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "repair 1/2: line",
        "repair 2/2: nothing",
        "masks (2): out; edits (2): 1 joined, 1 piece removed",
    ]
    assert printed.err == ""
    assert read_mask("out/line.nii.gz").array[2].tolist() == [True] * 5 + [False] * 4
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "edits.csv",
        "line.nii.gz",
        "nothing.nii.gz",
        "records",
    ]


def test_remarks_are_printed_once(maps: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one", "two"):
        write_volume(Path("masks") / f"{name}.png", np.eye(4, 6, dtype=bool))
    assert run(["repair", "masks", "--out", "out", *NO_SIZES]) == 0
    assert capsys.readouterr().out.splitlines()[2:] == [
        "one and 1 more: The input is a mask without probabilities: no pieces were joined.",
        "masks (2): out; edits (0): none",
    ]


def test_options_override_the_file_of_rules(maps: Path) -> None:
    RepairRules(connect_above=0.3, min_piece_size=2).save("rules.json")
    assert run(["repair", "maps", "--out", "a", "--rules", "rules.json"]) == 0
    assert kinds(Path("a")) == ["piece removed"]
    assert (
        run(
            ["repair", "maps", "--out", "b", "--rules", "rules.json", "--connect-above", "0.1", "--min-piece-size", "0"]
        )
        == 0
    )
    assert kinds(Path("b")) == ["joined"]
    assert run(["repair", "maps", "--out", "c", *NO_SIZES, "--connect-above", "none", "--betti-numbers", "1,none"]) == 0
    assert kinds(Path("c")) == ["piece removed", "piece removed"]
    rules_of(betti_numbers=(1, 0), connect_above=None).save("limits.json")
    assert run(["repair", "maps", "--out", "d", "--rules", "limits.json", "--betti-numbers", "none"]) == 0
    assert kinds(Path("d")) == []


def test_every_rule_is_an_option_and_the_help_shows_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["repair", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for field in fields(RepairRules):
        option = text.split(f"--{field.name.replace('_', '-')} ")[1]
        default = DEFAULTS.get(field.name) or f"{field.default}".removesuffix(".0")
        assert option.split("[default: ")[1].startswith(f"{default}]")


def test_classes_that_must_not_touch_are_joined_apart(maps: Path, capsys: pytest.CaptureFixture[str]) -> None:
    classes = np.zeros((2, 3, 5), np.float32)
    classes[0, 0], classes[1, 1, 2] = [0.9, 0.9, 0.2, 0.9, 0.9], 0.9
    write_volume("classes.nii.gz", classes, like=Volume(classes[0]))
    assert run(["repair", "classes.nii.gz", "--out", "a", *NO_SIZES]) == 0
    assert run(["repair", "classes.nii.gz", "--out", "b", "--no-touching", *NO_SIZES]) == 0
    assert (kinds(Path("a")), kinds(Path("b"))) == (["joined"], [])
    remark = "classes: Class 1: Not joined, because the path would touch another class: 1 of 1."
    assert remark in capsys.readouterr().out.splitlines()


def test_all_outputs(maps: Path) -> None:
    assert (
        run(["repair", "maps/line.nii.gz", "--out", "out", "--pictures", "--label-map", "--markups", "--workers", "1"])
        == 0
    )
    files = {str(path.relative_to("out")) for path in Path("out").rglob("*") if path.is_file()}
    assert files == {
        "line.nii.gz",
        "edits.csv",
        "edits/line.nii.gz",
        "markups/line.mrk.json",
        "pictures/line.png",
        "records/settings.json",
        "records/cases/line.json",
    }


BAD = {
    "no map": "repair nowhere --out out",
    "no rules": "repair maps --out out --rules nowhere.json",
    "rules no JSON": "repair maps --out out --rules maps/line.nii.gz",
    "rules a folder": "repair maps --out out --rules maps",
    "unknown rule": "repair maps --out out --rules unknown.json",
    "threshold": "repair maps --out out --threshold 1.5",
    "threshold NaN": "repair maps --out out --threshold nan",
    "threshold no number": "repair maps --out out --threshold high",
    "connect above": "repair maps --out out --connect-above 0.1,0.2",
    "size": "repair maps --out out --min-piece-size -1",
    "betti numbers": "repair maps --out out --betti-numbers 1,x",
    "negative betti numbers": "repair maps --out out --betti-numbers 1,-2",
    "four betti numbers": "repair maps --out out --betti-numbers 1,0,0,0",
    "betti numbers of 3D": "repair maps/line.nii.gz --out out --betti-numbers 1,0,0",
    "construction": "repair maps --out out --construction X",
    "workers": "repair maps --out out --workers 0",
    "out not empty": "repair maps --out maps",
    "out a file": "repair maps --out unknown.json",
    "empty folder": "repair empty --out out",
    "logits": "repair logits.nii.gz --out out",
    "8 bits": "repair grey.png --out out",
    "no format": "repair unknown.json --out out",
    "npz of something else": "repair other.npz --out out",
    "npz damaged": "repair damaged.npz --out out",
    "npz of objects": "repair objects.npz --out out",
}


@pytest.fixture
def bad_files(maps: Path) -> None:
    """Every bad file there is, beside the maps."""
    Path("empty").mkdir()
    Path("unknown.json").write_text('{"speed": 1}', encoding="utf-8")
    write_volume("logits.nii.gz", np.linspace(-3, 3, 20, dtype=np.float32).reshape(4, 5))
    write_volume("grey.png", np.arange(20, dtype=np.uint8).reshape(4, 5))
    np.savez("other.npz", logits=np.zeros((2, 1, 4, 5), np.float32))
    Path("damaged.npz").write_bytes(Path("other.npz").read_bytes()[:100])
    np.savez("objects.npz", probabilities=np.array([{}], dtype=object))


@pytest.mark.parametrize("command", BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_line_and_leaves_nothing(
    command: str, bad_files: None, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.is_dir() or path.read_bytes() for path in Path().rglob("*")}
    assert run(command.split()) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert {path: path.is_dir() or path.read_bytes() for path in Path().rglob("*")} == before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("logits", "logits.nii.gz: got values from -3 to 3, expected probabilities from 0 to 1 (apply a sigmoid"),
        ("8 bits", "grey.png: got integers from 0 to 19, expected probabilities from 0 to 1 (divide 8-bit maps"),
        ("betti numbers of 3D", "maps/line.nii.gz: betti_numbers: got 3 numbers, expected 2"),
        ("empty folder", "empty: got no image, expected files that end in .nii.gz"),
        ("no format", "unknown.json: got an unsupported extension, expected one of .nii.gz"),
        ("unknown rule", "unknown.json: got ['speed'], expected rules among threshold, connect_above"),
        ("npz of something else", "other.npz: got the arrays logits, expected the array 'probabilities'"),
        ("npz of objects", "objects.npz: got data that are no array of numbers, expected the array 'probabilities'"),
        ("connect above", "--connect-above: got '0.1,0.2', expected a number or none"),
        ("out not empty", "maps: got a folder that is not empty, expected a new or empty folder"),
    ],
)
def test_bad_input_is_named(name: str, message: str, bad_files: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(BAD[name].split()) == 2
    assert capsys.readouterr().err.startswith(f"error: {message}")


def test_each_bad_map_is_one_line_and_the_others_are_repaired(maps: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("bad", "worse"):
        write_volume(f"maps/{name}.nii.gz", np.full((4, 5), 7, np.float32))
    assert run(["repair", "maps", "--out", "out"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert [error.split(": got")[0] for error in errors] == ["error: maps/bad.nii.gz", "error: maps/worse.nii.gz"]
    assert {path.name for path in Path("out").glob("*.nii.gz")} == {"line.nii.gz", "nothing.nii.gz"}
