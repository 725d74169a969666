"""The HTML report of an evaluation: one file, without a network, with every case and error, the same each time."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segtopo.evaluation import Evaluation, EvaluationOptions, evaluate
from segtopo.evaluation.reports.html.report import report_view
from segtopo.evaluation.scores import MAIN_SCORES
from segtopo.volumes import Volume, write_volume

AFFINE = np.array([[0, 2, 0, 10], [-0.5, 0, 0, 20], [0, 0, 3, -5], [0, 0, 0, 1.0]])
EVIL = "a'b\"<script>alert(1)&amp;"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Page(HTMLParser):
    """The texts of the cells of tables, the data of scripts, and all tags of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.data: list[Any] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._cell = self._is_json = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._cell = True
        self._is_json = tag == "script" and dict(attrs).get("type") == "application/json"

    def handle_endtag(self, tag: str) -> None:
        self._cell = self._cell and tag not in ("td", "th")
        self._is_json = False

    def handle_data(self, data: str) -> None:
        if self._is_json:
            self.data.append(json.loads(data))
        elif self._cell:
            self.rows[-1][-1] += data

    def row(self, title: str) -> list[str]:
        (found,) = [row for row in self.rows if row and " ".join(row[0].split()) == title]
        return [" ".join(cell.split()) for cell in found]


@pytest.fixture(params=[2, 3])
def evaluated(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Evaluation, Path]:
    """Two cases of two structures, one of which a case does not have, and a case that fails."""
    shape = (14, 22, 9)[: request.param]
    label_map = np.zeros(shape, np.uint8)
    label_map[3:6, 2:20] = 1
    label_map[9:12, 2:10] = 2
    broken = label_map.copy()
    broken[3:6, 8:11] = 0
    for folder, arrays in (("r", (label_map, np.minimum(label_map, 1))), ("p", (broken, np.minimum(label_map, 1)))):
        for name, array in zip(("one", EVIL.replace("/", "")), arrays, strict=True):
            write_volume(tmp_path / folder / f"{name}.nii.gz", array, Volume(array, AFFINE))
        write_volume(tmp_path / folder / "wrong.nii.gz", label_map if folder == "r" else label_map[1:])
    options = EvaluationOptions(labels={"vein": 1, "artery": 2})
    return evaluate(tmp_path / "p", tmp_path / "r", tmp_path / "out", options, command="segtopo x"), tmp_path / "out"


def test_the_page_needs_no_network_and_escapes_names(evaluated: tuple[Evaluation, Path]) -> None:
    text = (evaluated[1] / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert not [tag for tag in page.tags if tag[0] in ("iframe", "object", "embed")]
    for tag, attributes in page.tags:
        for name in ("src", "href", "srcset", "action"):
            value = attributes.get(name) or "#"
            assert value.startswith(("#", "data:")), (tag, name, value)
    assert "url(" not in text.replace("url(data:", "")
    assert "<script>alert(1)" not in text


def test_the_page_holds_every_number_of_the_summary(evaluated: tuple[Evaluation, Path]) -> None:
    evaluation, out = evaluated
    page = Page((out / "report.html").read_text(encoding="utf-8"))
    scores = {score.name: score for score in report_view(evaluation).scores}
    assert list(scores)[: len(MAIN_SCORES)] == list(MAIN_SCORES)
    for score in scores.values():
        arrow = {"higher": " ↑", "lower": " ↓", None: ""}[score.better]
        rows = [row for row in page.rows if row and " ".join(row[0].split()) == f"{score.title}{arrow}".strip()]
        assert len(rows) == len(evaluation.summary)
        for row, statistics in zip(rows, evaluation.summary.values(), strict=True):
            statistic = statistics[score.name]
            cells = [cell.replace("\N{MINUS SIGN}", "-") for cell in row]
            assert int(cells[1].split()[0]) == statistic.count
            if statistic.mean is not None:
                assert float(cells[2]) == pytest.approx(statistic.mean, abs=0.006)


def test_the_page_holds_every_case_error_and_failure(evaluated: tuple[Evaluation, Path]) -> None:
    evaluation, out = evaluated
    page = Page((out / "report.html").read_text(encoding="utf-8"))
    assert len(page.data) == len(evaluation.cases) == 4
    for data, scores in zip(page.data, evaluation.cases, strict=True):
        assert [error["kind"] for error in data["errors"]] == [error.kind for error in scores.errors]
        for error, expected in zip(data["errors"], scores.errors, strict=True):
            assert error["world"] == pytest.approx(expected.world, abs=1e-3)
            assert (tuple(error["voxel"]), error["size"]) == (expected.voxel, expected.region_size)
            assert (error["gap_mm"] is None) == (expected.gap_mm is None)
        whole = [picture for picture in data["pictures"] if picture["error"] is None]
        assert len(whole) == (1 if scores.ndim == 2 else 3)
    assert any(error.gap_mm for scores in evaluation.cases for error in scores.errors)
    (failed,) = evaluation.failures.items()
    assert page.row(failed[0]) == list(failed)
    names = {row[0] for row in page.rows if row}
    assert {"one", EVIL} <= names
    absent = [scores for scores in evaluation.cases if not scores.present]
    assert [scores.structure for scores in absent] == ["artery"]
    assert math.isnan(absent[0].numbers["dice"])


def test_the_page_states_command_versions_and_settings(evaluated: tuple[Evaluation, Path]) -> None:
    text = (evaluated[1] / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert "segtopo x" in text
    assert page.row("construction") == ["construction", "T"]
    assert page.row("labels") == ["labels", "vein=1, artery=2"]
    assert page.row("numpy") == ["numpy", np.__version__]


def test_the_page_is_the_same_each_time(evaluated: tuple[Evaluation, Path], tmp_path: Path) -> None:
    evaluation, out = evaluated
    again = evaluate(tmp_path / "p", tmp_path / "r", out, evaluation.options, command="segtopo x")
    fresh = evaluate(tmp_path / "p", tmp_path / "r", tmp_path / "fresh", evaluation.options, command="segtopo x")
    assert repr(again) == repr(fresh) == repr(evaluation)
    assert (tmp_path / "fresh/report.html").read_bytes() == (out / "report.html").read_bytes()


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_the_page_works_in_a_browser(evaluated: tuple[Evaluation, Path], tmp_path: Path) -> None:
    """The address of an error opens its case, marks it in the list and shows its close-up, without a complaint."""
    evaluation, out = evaluated
    case = next(number for number, scores in enumerate(evaluation.cases) if scores.errors)
    assert CHROMIUM is not None
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    command += ["--enable-logging=stderr", "--virtual-time-budget=4000", "--dump-dom"]
    address = f"{(out / 'report.html').as_uri()}#case-{case}-error-1"
    done = subprocess.run([*command, address], capture_output=True, encoding="utf-8", timeout=120, check=True)
    assert not re.search(r"CONSOLE.*(error|exception)", done.stderr, re.IGNORECASE), done.stderr
    page = Page(done.stdout)
    opened = [
        attributes for tag, attributes in page.tags if tag == "details" and attributes.get("id") == f"case-{case}"
    ]
    assert "open" in opened[0]
    selected = [attributes for tag, attributes in page.tags if tag == "tr" and attributes.get("aria-current") == "true"]
    assert [row["data-error"] for row in selected] == ["0"]
    assert len([tag for tag, attributes in page.tags if "chosen" in (attributes.get("class") or "")]) in (1, 3)
    assert not [tag for tag, attributes in page.tags if (attributes.get("class") or "") == "close-up idle"]
