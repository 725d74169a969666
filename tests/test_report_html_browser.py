"""The page of a report in a browser, where one is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from oracles.report_examples import case_of, error_at
from segtopo.evaluation.pictures import case_pictures
from segtopo.evaluation.reports.html.page import ReportView, render_report
from segtopo.evaluation.scores import Score
from segtopo.evaluation.statistics import summarise

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no browser")


def opened(page: str, folder: Path, address: str = "", script: str = "") -> str:
    """The elements of a page after its scripts have run; fails if they print or raise an error."""
    path = folder / "page.html"
    path.write_text(page.replace("</body>", f"<script>{script}</script></body>"), encoding="utf-8")
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--enable-logging=stderr",
        f"--user-data-dir={folder / 'profile'}",
    ]
    command = [str(BROWSER), *options, "--virtual-time-budget=3000", "--dump-dom", f"file://{path}{address}"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60, check=True)
    assert "CONSOLE" not in done.stderr
    return done.stdout


def report(ndim: int) -> str:
    shape = (20, 40, 30)[:ndim]
    mask = np.zeros(shape, bool)
    mask[4:12, 10:30] = True
    places = ((5, 12, 7), (10, 28, 20))
    kinds = ("missed_connection", "spurious_loop")
    errors = tuple(error_at(*p[:ndim], kind=k, gap_mm=1.5) for k, p in zip(kinds, places, strict=True))
    case = case_of(
        "one",
        "1",
        {"dice": 0.5},
        errors,
        case_pictures(mask, mask, [error.voxel for error in errors], (1.0, 1.0, 2.0)[:ndim]),
    )
    other = case_of("two", "1", {"dice": float("nan")})
    third = case_of("three", "1", {"dice": 0.7})
    cases = case, other, third
    return render_report(ReportView("t", "", {}, {}, (Score("dice", "Dice", "Overlap."),), cases, summarise(cases)))


def test_the_address_of_an_error_marks_it_and_shows_its_close_up(tmp_path: Path) -> None:
    dom = opened(report(2), tmp_path, "#case-0-error-2")
    (marker,) = re.findall(r'<button class="marker chosen"[^>]*>', dom)
    left, top = (float(re.search(rf"{side}: ([\d.]+)%", marker)[1]) for side in ("left", "top"))  # type: ignore[index]
    assert (left, top) == (pytest.approx(100 * 28.5 / 40), pytest.approx(100 * 10.5 / 20))
    assert len(re.findall(r'<div class="cut">', dom)) == 1
    assert re.search(r'<tr data-error="1" aria-current="true">', dom)
    assert "spurious loop" in dom


def test_a_volume_has_three_marks_and_three_close_ups_for_an_error(tmp_path: Path) -> None:
    dom = opened(report(3), tmp_path, "#case-0-error-1")
    assert len(re.findall(r'<button class="marker chosen"', dom)) == 3
    assert len(re.findall(r'<div class="cut">', dom)) == 3


def test_the_table_sorts_and_filters_with_missing_values_last(tmp_path: Path) -> None:
    head = "document.querySelectorAll('#case-table thead button')[2]"
    names = "[...document.querySelectorAll('#case-table tbody tr:not([hidden]) a')].map((a) => a.textContent).join()"
    script = f"""
      const found = [];
      {head}.click(); found.push({names});
      {head}.click(); found.push({names});
      const filter = document.getElementById("filter-name");
      filter.value = "T"; filter.dispatchEvent(new Event("input")); found.push({names});
      document.title = found.join(" ");
    """
    dom = opened(report(2), tmp_path, script=script)
    assert "<title>one,three,two three,one,two three,two</title>" in dom
    assert re.search(r'<details class="case"[^>]*data-case="0"[^>]*hidden', dom)


def test_a_row_leads_to_its_error_and_escape_leads_back(tmp_path: Path) -> None:
    script = """
      const states = [];
      const note = () => {
        const { className, tagName } = document.activeElement;
        states.push([location.hash, className || tagName].join());
      };
      const press = (key) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
      const goes = (step) => new Promise((resolve) => {
        addEventListener("hashchange", () => { note(); resolve(); }, { once: true });
        step();
      });
      (async () => {
        await goes(() => { location.hash = "#case-0"; });
        await goes(() => {
          document.querySelector(".error-list button").focus();
          press("ArrowDown");
          document.activeElement.click();
        });
        await goes(() => press("ArrowLeft"));
        press("Escape");
        note();
        document.title = states.join(" ");
      })();
    """
    dom = opened(report(2), tmp_path, script=script)
    expected = "#case-0,SUMMARY #case-0-error-2,close-up #case-0-error-1,close-up #case-0,BUTTON"
    assert f"<title>{expected}</title>" in dom
