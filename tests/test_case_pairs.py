"""Pairs of predictions and references: by name, by folder, by pattern, from a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from segtopo.errors import InputError
from segtopo.volumes.case_pairs import CasePairs, cases_of, pair_cases


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touch(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def listed(pairs: CasePairs) -> dict[str, tuple[str | None, str]]:
    return {
        case.name: (case.prediction and case.prediction.as_posix(), case.reference.as_posix()) for case in pairs.cases
    }


LAYOUTS: dict[str, tuple[list[str], dict[str, tuple[str, str]]]] = {
    "other extensions, in any order": (
        ["p/b.mha", "p/a.nii.gz", "r/a.PNG", "r/b.tif", "r/notes.txt", "r/.hidden.png"],
        {"a": ("p/a.nii.gz", "r/a.PNG"), "b": ("p/b.mha", "r/b.tif")},
    ),
    "nnU-Net's images and labels": (
        ["p/case_1_0000.nii.gz", "r/case_1.nii.gz"],
        {"case_1": ("p/case_1_0000.nii.gz", "r/case_1.nii.gz")},
    ),
    "the channel on the side of the references": (
        ["p/case_1.nii.gz", "r/case_1_0000.nii.gz"],
        {"case_1_0000": ("p/case_1.nii.gz", "r/case_1_0000.nii.gz")},
    ),
    "the channel on both sides": (
        ["p/x_0000.png", "r/x_0000.png"],
        {"x_0000": ("p/x_0000.png", "r/x_0000.png")},
    ),
    "a folder for each case": (
        ["p/a/seg.nii.gz", "p/b/seg.nii.gz", "r/a/label.mha", "r/b/label.mha"],
        {"a": ("p/a/seg.nii.gz", "r/a/label.mha"), "b": ("p/b/seg.nii.gz", "r/b/label.mha")},
    ),
    "a folder for each case on one side": (["p/a.nii", "r/a/seg.nii"], {"a": ("p/a.nii", "r/a/seg.nii")}),
    "folders of several cases": (
        ["p/left/1.png", "p/left/2.png", "p/right/1.png", "r/left/1.png", "r/left/2.png", "r/right/1.png"],
        {
            f"{side}/{n}": (f"p/{side}/{n}.png", f"r/{side}/{n}.png")
            for side, n in (("left", 1), ("left", 2), ("right", 1))
        },
    ),
    "sub-folders beside images do not count": (
        ["p/a.png", "p/old/a.png", "r/a.png", "r/old/b.png"],
        {"a": ("p/a.png", "r/a.png")},
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout: str, tree: Path) -> None:
    files, expected = LAYOUTS[layout]
    touch(*files)
    found = pair_cases("p", "r")
    assert listed(found) == expected
    assert list(listed(found)) == sorted(expected)
    assert (found.missing, found.extra) == ((), ())


def test_two_files_are_one_case_whatever_their_names(tree: Path) -> None:
    touch("a.nii.gz", "b.mha")
    assert listed(pair_cases("a.nii.gz", "b.mha")) == {"a": ("a.nii.gz", "b.mha")}


def test_patterns_choose_files_of_sub_folders(tree: Path) -> None:
    for case in ("c1", "c2"):
        touch(
            f"p/{case}_fold3.nii.gz", f"r/{case}/{case}_seg.nii.gz", f"r/{case}/{case}_t1.nii.gz", "r/c1/c2_seg.nii.gz"
        )
    found = pair_cases("p", "r", prediction_pattern="{case}_fold*.nii.gz", reference_pattern="{case}/{case}_seg.nii.gz")
    assert listed(found) == {c: (f"p/{c}_fold3.nii.gz", f"r/{c}/{c}_seg.nii.gz") for c in ("c1", "c2")}


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("seg.nii", r"pattern: got 'seg.nii', expected a path with {case} in the place of the name"),
        ("{case}.png", r"p: got no file that fits '{case}.png', expected at least one"),
        ("*/{case}.nii", r"p: got 1.nii and 1.nii for 1, expected one image of each name"),
    ],
)
def test_patterns_that_do_not_name_cases(pattern: str, message: str, tree: Path) -> None:
    touch("p/a/1.nii", "p/b/1.nii", "r/1.nii")
    with pytest.raises(InputError) as caught:
        pair_cases("p", "r", prediction_pattern=pattern)
    assert str(caught.value) == message


def test_missing_and_extra_cases(tree: Path) -> None:
    touch("p/a.png", "p/x.png", "r/a.png", "r/b.png", "r/c.png")
    expected = "a prediction for every case in r, unless missing ones are skipped"
    with pytest.raises(InputError, match=rf"^p: got no prediction for b, c, expected {expected}$"):
        pair_cases("p", "r")
    skipped = pair_cases("p", "r", missing="skip")
    assert (list(listed(skipped)), skipped.missing, skipped.extra) == (["a"], ("b", "c"), ("x",))
    empty = pair_cases("p", "r", missing="empty")
    assert listed(empty) == {"a": ("p/a.png", "r/a.png"), "b": (None, "r/b.png"), "c": (None, "r/c.png")}


@pytest.mark.parametrize("missing", ["error", "skip", "empty"])
def test_names_of_which_none_agree_are_refused(missing: Any, tree: Path) -> None:
    touch("p/a.png", *(f"r/{name}.png" for name in "bcdefgh"))
    with pytest.raises(InputError, match=r"^p: got no prediction for b, c, d, e, f and 2 more, expected"):
        pair_cases("p", "r", missing=missing)


def test_a_table_names_the_files(tree: Path) -> None:
    touch("data/p1.nii", "data/deep/r1.nii", "data/r2.nii", "data/p3.nii")
    Path("data/pairs.csv").write_text(
        "case,prediction,reference\nfirst,p1.nii,deep/r1.nii\n,,r2.nii\n,p3.nii,r2.nii\n", encoding="utf-8"
    )
    with pytest.raises(
        InputError, match=r"pairs\.csv: got r2\.nii and r2\.nii for r2, expected one image of each name"
    ):
        pair_cases("data/pairs.csv")
    Path("data/pairs.csv").write_text(
        "case,prediction,reference\nfirst,p1.nii,deep/r1.nii\n,,r2.nii\n", encoding="utf-8"
    )
    with pytest.raises(InputError, match="no prediction for r2"):
        pair_cases("data/pairs.csv")
    assert listed(pair_cases("data/pairs.csv", missing="empty")) == {
        "first": ("data/p1.nii", "data/deep/r1.nii"),
        "r2": (None, "data/r2.nii"),
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n", "got the columns a, b, expected the columns prediction and reference"),
        ("", r"got the columns \(none\), expected the columns"),
        ("prediction,reference\np.nii,\n", "got a row without a reference"),
        ("prediction,reference\nno.nii,no.nii\n", "got no such file: no.nii"),
    ],
)
def test_tables_that_name_no_pairs(content: str, message: str, tree: Path) -> None:
    Path("pairs.csv").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        pair_cases("pairs.csv")


def test_one_path_without_references_is_refused(tree: Path) -> None:
    touch("p/a.png")
    with pytest.raises(InputError, match=r"^p: got no references, expected a folder of references"):
        pair_cases("p")


def test_a_folder_without_images_is_refused(tree: Path) -> None:
    touch("p/notes.txt", "p/deep/notes.txt")
    with pytest.raises(InputError, match=r"^p: got no image, expected files that end in"):
        cases_of("p")
