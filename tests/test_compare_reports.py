"""``segtopo compare``: reports in, tables and a page out."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest

from segtopo.cli import run
from segtopo.errors import InputError
from segtopo.evaluation import evaluate
from segtopo.evaluation.comparison import Comparison, compare_reports, write_comparison
from segtopo.volumes import write_volume

HEADER = "case,structure,dice,betti_error,betti_0_error,betti_0_reference\n"


def write_report(
    folder: Path, lines: list[str], header: str = HEADER, summary: dict[str, object] | None = None
) -> Path:
    folder.mkdir(parents=True)
    (folder / "cases.csv").write_text(header + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    if summary is not None:
        (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    return folder


def report_of(folder: Path, dice: list[float], errors: list[int]) -> Path:
    pairs = zip(dice, errors, strict=True)
    return write_report(folder, [f"case_{i},foreground,{d},{e},{e},1" for i, (d, e) in enumerate(pairs)])


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    rising = [0.5 + i / 50 for i in range(8)]
    return [
        report_of(tmp_path / "worst", rising, [9, 8, 7, 9, 8, 7, 9, 8]),
        report_of(tmp_path / "best", [d + 0.1 for d in rising], [1, 0, 0, 1, 2, 0, 1, 3]),
        report_of(tmp_path / "middle", [d + 0.05 for d in rising], [4, 5, 6, 3, 4, 5, 4, 4]),
    ]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_reports_are_ranked_and_their_differences_tested(folders: list[Path]) -> None:
    comparison = compare_reports(folders)
    assert comparison.names == ("worst", "best", "middle")
    assert comparison.scores == ("dice", "betti_error")
    assert [ranking.ranks for ranking in comparison.rankings] == [(3, 1, 2), (3, 1, 2)]
    assert [difference.favoured for difference in comparison.differences] == ["best", "middle", "best"] * 2
    # All eight cases agree, so the exact p-value is 2 / 2^8; six tests are corrected together.
    assert {difference.p for difference in comparison.differences} == {2 / 2**8}
    assert {difference.p_holm for difference in comparison.differences} == {6 * 2 / 2**8}
    assert comparison.tests == 6


def test_only_common_cases_are_compared_and_missing_ones_listed(tmp_path: Path) -> None:
    a = write_report(tmp_path / "a", ["one,1,0.5,1,1,1", "two,1,0.6,1,1,1", "one,2,0.1,5,5,1"])
    b = write_report(tmp_path / "b", ["two,1,0.8,0,0,1", "one,2,,4,4,1", "three,1,0.9,0,0,1"])
    comparison = compare_reports([a, b])
    assert comparison.rows == (("two", "1"), ("one", "2"))
    assert comparison.missing == ((("three", "1"),), (("one", "1"),))
    assert comparison.structures == ("1", "2")
    found = {(d.structure, d.score): d for d in comparison.differences}
    assert found["1", "dice"].mean == pytest.approx(0.2)
    assert found["2", "dice"].pairs == 0
    assert math.isnan(found["2", "dice"].mean)
    assert found["2", "betti_error"].mean == -1
    assert [(r.structure, r.score) for r in comparison.rankings] == [
        ("1", "dice"),
        ("1", "betti_error"),
        ("2", "betti_error"),
    ]


def test_the_second_column_may_have_any_title(tmp_path: Path) -> None:
    header = "case,structure,dice\n"
    reports = [write_report(tmp_path / name, [f"one,liver,{d}"], header) for name, d in (("a", 0.5), ("b", 0.7))]
    comparison = compare_reports(reports)
    assert comparison.structures == ("liver",)


def test_scores_can_be_chosen_and_those_of_one_report_are_named(tmp_path: Path) -> None:
    a = write_report(tmp_path / "a", ["one,1,0.5,1,1,3", "two,1,0.5,2,2,3"])
    b = write_report(tmp_path / "b", ["one,1,0.9,1,2,7", "two,1,0.5,2,2,3"], HEADER.replace("dice", "iou"))
    comparison = compare_reports([a, b], scores=["betti_0_reference", "betti_0_error"])
    assert comparison.scores == ("betti_0_reference", "betti_0_error")
    assert comparison.other_scores == ("dice", "iou")
    assert [ranking.score for ranking in comparison.rankings] == ["betti_0_error"]
    assert comparison.differences[0].favoured is None


def test_scores_of_single_dimensions_are_compared_where_there_are_no_others(tmp_path: Path) -> None:
    reports = [write_report(tmp_path / n, ["one,1,2,3"], "case,structure,betti_0_error,diu_1\n") for n in "ab"]
    assert compare_reports(reports).scores == ("betti_0_error", "diu_1")


def test_equal_folder_names_are_told_apart(tmp_path: Path) -> None:
    reports = [report_of(tmp_path / name / "report", [0.5], [1]) for name in ("x", "y")]
    assert compare_reports(reports).names == ("x/report", "y/report")
    assert compare_reports(reports, names=["one", "two"]).names == ("one", "two")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no readable table"),
        ("case,structure\none,1\n", "columns ['case', 'structure']"),
        ("name,label,dice\none,1,2\n", "columns ['name'"),
        ("case,structure,dice,dice\none,1,2,2\n", "columns ['case', 'structure', 'dice', 'dice']"),
        ("case,structure,dice\none,1\n", "line 2: got 2 columns, expected 3 columns"),
        ("case,structure,dice\none,1,high\n", "line 2: got 'high', expected a number"),
        ("case,structure,dice\none,1,1\none,1,1\n", "line 3: got case one again"),
        ("case,structure,dice\n", "no case in common"),
        ("case,structure,dice\nother,1,1\n", "no case in common"),
        ("case,structure,volume\ncase_0,foreground,1\n", "scores: got none"),
        (b"case,structure,dice\n\xff\xfe,1,1\n", "no readable table"),
    ],
)
def test_a_damaged_report_is_refused(content: str | bytes, message: str, tmp_path: Path) -> None:
    good, bad = report_of(tmp_path / "good", [0.5], [1]), tmp_path / "bad"
    bad.mkdir()
    (bad / "cases.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as error:
        compare_reports([good, bad])
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_reports_that_do_not_fit_are_refused(folders: list[Path], tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match=r"got no file cases\.csv in it"):
        compare_reports([folders[0], empty])
    with pytest.raises(InputError, match="reports: got 1, expected at least 2"):
        compare_reports(folders[:1])
    with pytest.raises(InputError, match=r"names: got 'worst' twice"):
        compare_reports([folders[0], folders[0]], ["worst", "worst"])
    with pytest.raises(InputError, match=r"names: got .* twice"):
        compare_reports([folders[0], folders[0]])
    with pytest.raises(InputError, match="names: got 1 names, expected 2"):
        compare_reports(folders[:2], ["a"])
    with pytest.raises(InputError, match="names: got an empty name"):
        compare_reports(folders[:2], ["a", ""])
    with pytest.raises(InputError, match=r"scores: got 'gold', expected scores of all reports: dice, "):
        compare_reports(folders, scores=["gold"])


def test_reports_of_different_constructions_are_refused(tmp_path: Path) -> None:
    a, b = (write_report(tmp_path / c, ["one,1,1,1,1,1"], summary={"settings": {"construction": c}}) for c in "TV")
    with pytest.raises(InputError, match=r"V: got the construction 'V', expected the construction 'T' of .*T"):
        compare_reports([a, b])
    (b / "summary.json").write_text("[1, 2]", encoding="utf-8")
    with pytest.raises(InputError, match=r"summary\.json: got no JSON object"):
        compare_reports([a, b])
    (b / "summary.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"summary\.json: got no readable JSON"):
        compare_reports([a, b])


@pytest.fixture
def comparison(folders: list[Path]) -> Comparison:
    return compare_reports(folders)


def test_the_tables_hold_what_was_computed(comparison: Comparison, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    write_comparison(comparison, out)
    differences, ranking = rows_of(out / "comparison.csv"), rows_of(out / "ranking.csv")
    assert len(differences) == len(comparison.differences)
    assert float(differences[0]["mean_difference"]) == comparison.differences[0].mean
    assert float(differences[0]["p_holm"]) == comparison.differences[0].p_holm
    assert [row["rank"] for row in ranking] == ["3", "1", "2"] * 2
    assert [row["share_rank_1"] for row in ranking[:3]] == ["0.0", "1.0", "0.0"]
    assert (out / "comparison.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_comparison_replaces_the_earlier_one_and_keeps_other_files(comparison: Comparison, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine", encoding="utf-8")
    write_comparison(comparison, tmp_path)
    first = (tmp_path / "comparison.html").read_bytes()
    write_comparison(comparison, tmp_path)
    assert (tmp_path / "comparison.html").read_bytes() == first
    assert (tmp_path / "note.txt").read_text(encoding="utf-8") == "mine"


def test_undefined_tests_are_empty_cells_and_dashes(tmp_path: Path) -> None:
    reports = [report_of(tmp_path / n, [0.5] * 3, [1] * 3) for n in "ab"]
    write_comparison(compare_reports(reports), tmp_path / "out")
    row = rows_of(tmp_path / "out/comparison.csv")[0]
    assert (row["p"], row["p_holm"], row["note"]) == ("", "", "no case differs")
    assert 'title="no case differs">\u2013' in (tmp_path / "out/comparison.html").read_text(encoding="utf-8")


def test_names_are_escaped_in_the_page(folders: list[Path], tmp_path: Path) -> None:
    write_comparison(compare_reports(folders[:2], ["<b>a</b>", 'x" onclick="alert(1)']), tmp_path)
    page = (tmp_path / "comparison.html").read_text(encoding="utf-8")
    assert "<b>a</b>" not in page
    assert 'x" onclick' not in page


def test_the_command_compares_evaluations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(1)
    for i in range(7):
        reference = random.random((9, 14)) > 0.6
        write_volume(tmp_path / f"references/{i}.png", reference)
        write_volume(tmp_path / f"good/{i}.png", reference ^ (random.random(reference.shape) > 0.97))
        write_volume(tmp_path / f"bad/{i}.png", reference ^ (random.random(reference.shape) > 0.7))
    for name in ("good", "bad"):
        evaluate(tmp_path / name, tmp_path / "references", tmp_path / "reports" / name)
    folders = [str(tmp_path / "reports" / name) for name in ("good", "bad")]
    assert run(["compare", *folders, "--out", str(tmp_path / "out"), "--names", "good one, bad one"]) == 0
    printed = capsys.readouterr()
    (line,) = [line for line in printed.out.splitlines() if line.split()[:1] == ["dice"]]
    assert line.split()[1:6] == ["good", "one", "bad", "one", "7"]
    assert line.rstrip().endswith("good one")
    assert printed.err == ""
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"comparison.csv", "comparison.html", "ranking.csv"}


def test_the_command_names_missing_cases(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = report_of(tmp_path / "a", [0.5, 0.6], [1, 2]), report_of(tmp_path / "b", [0.5], [1])
    assert run(["compare", str(a), str(b), "--out", str(tmp_path / "out"), "--scores", "dice"]) == 0
    assert "missing in b: case_1" in capsys.readouterr().out.splitlines()


def test_wrong_input_of_the_command_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = report_of(tmp_path / "a", [0.5], [1])
    assert run(["compare", str(a), "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == "error: reports: got 1, expected at least 2\n"
    assert not (tmp_path / "out").exists()
