"""``segtopo calibrate`` and the function behind it: files, the printed table, the picture, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from oracles.images import vessel_map
from oracles.repair_examples import wide_pieces
from segtopo.cli import run
from segtopo.errors import InputError
from segtopo.repair import Calibration, RepairRules, RuleGrid, calibrate_files, calibrate_repair
from segtopo.volumes import Volume, write_volume

SHAPE = (34, 41)
GRID = RuleGrid(connect_above=(None, 0.1), min_piece_sizes=(0, 6), min_hole_sizes=(0, 3))
AFFINE = np.diag([0.5, 2.0, 1.0, 1.0])
CASES = {name: (wide_pieces(SHAPE, seed), vessel_map(SHAPE, seed) > 0.5) for name, seed in (("a", 1), ("b", 2))}


@pytest.fixture
def maps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Maps and references of two cases, in the current directory."""
    monkeypatch.chdir(tmp_path)
    for name, (probability, reference) in CASES.items():
        like = Volume(reference, AFFINE)
        write_volume(f"maps/{name}.nii.gz", probability, like)
        write_volume(f"references/{name}.nii.gz", reference, like)
    return tmp_path / "maps"


def expected(**options: Any) -> Calibration:
    probabilities, references = zip(*CASES.values(), strict=True)
    return calibrate_repair(probabilities, references, spacings=[(0.5, 2.0)] * 2, **options)


def test_files_are_paired_by_name_and_sizes_are_in_mm(maps: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    found = calibrate_files(
        "maps", "references", "out/rules.json", grid=GRID, progress=lambda *arguments: seen.append(arguments)
    )
    assert found == expected(grid=GRID)
    assert seen == [("a", 1, 2), ("b", 2, 2)]
    assert RepairRules.load("out/rules.json") == found.rules
    assert sorted(path.name for path in Path("out").iterdir()) == ["rules.json", "rules.png"]
    single = calibrate_files("maps/a.nii.gz", "references/a.nii.gz", "single.json", grid=GRID)
    assert single.cases == found.cases[:1]


def test_pairs_do_not_depend_on_the_format(maps: Path) -> None:
    for name, (_, reference) in CASES.items():
        write_volume(f"png/{name}.png", reference)
        write_volume(f"tiff/{name}.tiff", CASES[name][0])
    found = calibrate_files("tiff", "png", "rules.json", grid=GRID)
    assert found == calibrate_repair(*zip(*CASES.values(), strict=True), grid=GRID)


def test_a_class_is_chosen_by_its_channel_and_its_label(maps: Path) -> None:
    for name, (probability, reference) in CASES.items():
        other = np.full(SHAPE, 0.01, np.float32)
        like = Volume(reference, AFFINE)
        write_volume(f"classes/{name}.nii.gz", np.stack([other, probability * np.float32(0.9)]), like)
        write_volume(f"labels/{name}.nii.gz", (2 * reference).astype(np.uint8), like)
        write_volume(f"seven/{name}.nii.gz", (7 * reference).astype(np.uint8), like)
    found = calibrate_files("classes", "labels", "a.json", channel=2, grid=GRID)
    scaled = [probability * np.float32(0.9) for probability, _ in CASES.values()]
    references = [reference for _, reference in CASES.values()]
    assert found == calibrate_repair(scaled, references, spacings=[(0.5, 2.0)] * 2, grid=GRID)
    assert calibrate_files("classes", "seven", "b.json", channel=2, label=7, grid=GRID) == found
    with pytest.raises(
        InputError, match="labels: got no voxel of label 1, expected the structure in at least one mask"
    ):
        calibrate_files("classes", "labels", "c.json", channel=1, grid=GRID)
    with pytest.raises(InputError, match=r"a\.nii\.gz: got 2 classes, expected one, or the number of the class"):
        calibrate_files("classes", "labels", "c.json", grid=GRID)
    with pytest.raises(InputError, match="channel: got 3, expected 1 to 2: the classes of"):
        calibrate_files("classes", "labels", "c.json", channel=3, grid=GRID)
    assert not Path("c.json").exists()


def test_the_table_shows_the_figures_before_and_after(maps: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["calibrate", "maps", "references", "--out", "rules.json"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    lines = printed.out.splitlines()
    assert lines[:2] == ["calibrate 1/2: a", "calibrate 2/2: b"]
    assert lines[-1] == "rules: rules.json"
    (header,) = [line for line in lines if "Dice" in line]
    assert header.split() == [
        "2",
        "cases",
        "Dice",
        "tree",
        "length",
        "BM",
        "error",
        "DIU",
        "b0",
        "error",
        "b1",
        "error",
        "rules",
    ]
    found = expected()
    assert found.removal_only is not None
    assert found.leave_one_out is not None
    rows = {
        "as predicted": found.as_predicted,
        "small pieces removed": found.removal_only[1],
        "repaired": found.repaired,
        "repaired, leave one out": found.leave_one_out,
    }
    for name, figures in rows.items():
        numbers = [f"{figures.dice:.4f}", f"{figures.tree_length:.4f}", f"{figures.betti_matching_error:.2f}"]
        numbers += [f"{error:.2f}" for error in (figures.diu, *figures.betti_errors)]
        assert any(line.split()[: len(name.split()) + 6] == [*name.split(), *numbers] for line in lines), name
    (row,) = [line for line in lines if line.strip().startswith("repaired ")]
    assert row.rstrip().endswith(
        f"joined above {found.rules.connect_above:g}, pieces below {found.rules.min_piece_size:g} removed, "
        f"holes below {found.rules.min_hole_size:g} filled"
    )


def test_options_reach_the_calibration_and_repair_reads_its_rules(maps: Path) -> None:
    command = "calibrate maps references --out rules.json --thresholds 0.3,0.6 --construction V --tolerance 1"
    assert run([*command.split(), "--betti-numbers", "2,none"]) == 0
    content = json.loads(Path("rules.json").read_text(encoding="utf-8"))
    given = RepairRules(construction="V", betti_numbers=(2, None))
    found = expected(rules=given, grid=RuleGrid(thresholds=(0.3, 0.6)), tolerance=1.0)
    assert RepairRules.load("rules.json") == found.rules
    assert content["tolerance"] == 1
    assert {row["threshold"] for row in content["grid"]} == {0.3, 0.6}
    assert run(["repair", "maps", "--out", "masks", "--rules", "rules.json"]) == 0
    assert run(["calibrate", "maps", "references", "--out", "free.json", "--betti-numbers", "none"]) == 0
    assert RepairRules.load("free.json").betti_numbers is None


def test_one_case_has_no_row_for_what_is_left_out(maps: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["calibrate", "maps/a.nii.gz", "references/a.nii.gz", "--out", "rules.json"]) == 0
    printed = capsys.readouterr().out
    assert "1 case " in printed
    assert "leave one out" not in printed


@pytest.mark.parametrize("error", ["some", "none"])
def test_the_picture_is_a_png(error: str, maps: Path) -> None:
    if error == "none":  # all errors are 0, which no logarithmic axis can show
        for name, (_, reference) in CASES.items():
            write_volume(f"maps/{name}.nii.gz", reference.astype(np.float32), Volume(reference, AFFINE))
    calibrate_files("maps", "references", "rules.json", grid=GRID)
    with Image.open("rules.png") as picture:
        assert picture.format == "PNG"
        assert picture.width > picture.height > 300
        assert (np.asarray(picture.convert("RGB")) == (255, 0, 0)).all(axis=2).sum() > 100  # the rings


BAD = {
    "no map": ("calibrate nowhere references", "nowhere: got no such file or folder"),
    "no reference": ("calibrate maps nowhere", "nowhere: got no such file or folder"),
    "a case without a reference": ("calibrate maps fewer", "fewer: got no reference for b"),
    "a case without a map": ("calibrate fewer_maps references", "fewer_maps: got no prediction for b"),
    "one reference of two maps": (
        "calibrate maps references/a.nii.gz",
        "references/a.nii.gz: got one mask, expected a",
    ),
    "another position": ("calibrate maps moved", "maps/a.nii.gz"),
    "another shape": ("calibrate maps smaller", "maps/a.nii.gz"),
    "an error in the last case": ("calibrate logits references", "logits/b.nii.gz: got values from"),
    "empty references": ("calibrate maps empty", "empty: got no foreground, expected the structure"),
    "channel": ("calibrate maps references --channel 2", "channel: got 2, expected 1 to 1"),
    "channel 0": ("calibrate maps references --channel 0", "Invalid value for '--channel'"),
    "thresholds": ("calibrate maps references --thresholds none", "--thresholds: got 'none', expected numbers"),
    "threshold": ("calibrate maps references --thresholds 0.5,2", "threshold: got 2.0, expected a probability"),
    "betti numbers": ("calibrate maps references --betti-numbers 1,0,0", "betti_numbers: got 3 numbers, expected 2"),
    "tolerance": ("calibrate maps references --tolerance -1", "tolerance: got -1"),
    "construction": ("calibrate maps references --construction X", "Invalid value for '--construction'"),
}


@pytest.fixture
def bad_files(maps: Path) -> None:
    """Every bad folder there is, beside the good ones."""
    for name, (probability, reference) in CASES.items():
        like = Volume(reference, AFFINE)
        write_volume(f"empty/{name}.nii.gz", np.zeros(SHAPE, bool), like)
        write_volume(f"moved/{name}.nii.gz", reference, Volume(reference, AFFINE + np.eye(4, k=3)))
        write_volume(f"smaller/{name}.nii.gz", reference[1:], Volume(reference[1:], AFFINE))
        write_volume(f"logits/{name}.nii.gz", probability * (4 if name == "b" else 1), like)
        if name == "a":
            write_volume(f"fewer/{name}.nii.gz", reference, like)
            write_volume(f"fewer_maps/{name}.nii.gz", probability, like)


@pytest.mark.parametrize(("command", "message"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_line_and_leaves_nothing(
    command: str, message: str, bad_files: None, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.is_dir() or path.read_bytes() for path in Path().rglob("*")}
    assert run([*command.split(), "--out", "new/rules.json"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {message}")
    assert error.count("\n") == 1
    assert {path: path.is_dir() or path.read_bytes() for path in Path().rglob("*")} == before


@pytest.mark.parametrize("out", ["rules.png", "rules", "maps", "folder.json"])
def test_the_output_is_a_json_file_and_its_picture_has_a_name_of_its_own(
    out: str, maps: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("folder.json").mkdir()
    assert run(["calibrate", "maps", "references", "--out", out]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(f"error: {out}: got ")
    assert printed.err.endswith("expected a file that ends in .json\n")
    assert printed.out == ""  # it is reported before the work


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt, 130), (InputError, 2)])
@pytest.mark.parametrize("place", ["calibration_files.calibrate_repair", "calibration_files.draw_calibration"])
def test_what_is_interrupted_leaves_the_files_of_before(
    place: str, error: type[BaseException], code: int, maps: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise error("stopped")

    Path("rules.json").write_text("before", encoding="utf-8")
    monkeypatch.setattr(f"segtopo.repair.{place}", stop)
    assert run(["calibrate", "maps", "references", "--out", "rules.json"]) == code
    assert Path("rules.json").read_text(encoding="utf-8") == "before"
    assert sorted(path.name for path in Path().iterdir()) == ["maps", "references", "rules.json"]
