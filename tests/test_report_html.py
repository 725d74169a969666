"""The page of a report: it needs nothing else, shows what it is given, and its marks are where the errors are."""

from __future__ import annotations

import json
import math
import pickle
import re
from base64 import b64decode
from html.parser import HTMLParser
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from oracles.report_examples import case_of, error_at
from segtopo.evaluation import CaseScores
from segtopo.evaluation.diagrams import MapFeature
from segtopo.evaluation.pictures import CLOSE_UPS, COLOURS, LONGEST_SIDE, Picture, case_pictures
from segtopo.evaluation.reports.html.box_plots import Box, Scale
from segtopo.evaluation.reports.html.page import ReportView, render_report
from segtopo.evaluation.scores import Score
from segtopo.evaluation.statistics import Statistic, summarise

VOID = {"meta", "link", "input", "br", "img"}
SCORES = (
    Score("dice", "Dice", "Overlap of the masks.", better="higher"),
    Score("betti_error", "Betti error", "Difference of the Betti numbers.", better="lower", decimals=0),
    Score("b0", "β₀", "Components.", decimals=0),
)


def view_of(*cases: CaseScores, **changes: Any) -> ReportView:
    facts = {
        "command": "segtopo evaluate a b --out c",
        "versions": {"segtopo": "0.1"},
        "settings": {"construction": "T"},
    }
    statistics = summarise(cases)
    none = Statistic.of([])
    summary = {of: {score.name: rows.get(score.name, none) for score in SCORES} for of, rows in statistics.items()}
    return ReportView(**{"title": "Vessels", **facts, "scores": SCORES, "cases": cases, "summary": summary, **changes})


class Reader(HTMLParser):
    """Checks that elements are nested, and gathers what a page refers to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.data: list[Any] = []
        self.in_data = False
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        self.in_data = tag == "script" and values.get("type") == "application/json"
        self.ids += [values["id"]] if values.get("id") else []  # type: ignore[list-item]
        self.references += [values[name] for name in ("src", "href", "srcset") if values.get(name)]  # type: ignore[misc]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, self.getpos()

    def handle_data(self, data: str) -> None:
        if self.in_data:
            self.data.append(json.loads(data))
            self.in_data = False


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.partition("<body>")[2]))


def two_cases() -> tuple[CaseScores, CaseScores]:
    mask = np.zeros((4, 9), bool)
    mask[1:3, 2:7] = True
    errors = (error_at(1, 2), error_at(3, 8, kind="missed_connection"))
    one = case_of(
        "one",
        "1",
        {"dice": 0.5, "betti_error": 2, "b0": 1},
        errors,
        case_pictures(mask, ~mask, [error.voxel for error in errors]),
    )
    return one, case_of("two", "1", {"dice": math.nan, "betti_error": 0, "b0": 1})


def test_the_page_is_one_file_of_nested_elements() -> None:
    page = render_report(view_of(*two_cases(), failures=(("three", "three.png: got nothing, expected a mask"),)))
    reader = Reader(page)
    assert len(set(reader.ids)) == len(reader.ids)
    assert all(reference.startswith(("#", "data:")) for reference in reader.references)
    assert {reference[1:] for reference in reader.references if len(reference) > 1 and reference[0] == "#"} <= set(
        reader.ids
    )
    assert "http" not in page.replace("http-equiv", "")
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest", page)
    assert "three.png: got nothing, expected a mask" in text_of(page)


def test_the_same_view_gives_the_same_page_and_can_be_pickled() -> None:
    view = view_of(*two_cases())
    assert render_report(view) == render_report(pickle.loads(pickle.dumps(view)))


def test_the_summary_counts_only_defined_values() -> None:
    text = text_of(render_report(view_of(*two_cases())))
    assert "Dice ↑ 1 of 2 0.500 \u2013 0.500 \u2013" in text
    assert "Betti error ↓ 2 1.00 [0.00, 2.00] 1.00 [0.00, 2.00]" in text
    assert "β₀ 2 1.00 [1.00, 1.00] 1.00 [1.00, 1.00]" in text


def test_each_structure_has_its_own_summary() -> None:
    cases = [case_of("one", s, {"dice": d, "betti_error": 1, "b0": 1}) for s, d in (("artery", 0.25), ("vein", 0.75))]
    text = text_of(render_report(view_of(*cases)))
    assert "1 case 2 structures 0 topological errors" in text
    assert text.index("artery") < text.index("0.250") < text.index("vein") < text.index("0.750")


def test_the_data_of_a_case_are_embedded_as_json() -> None:
    one, two = two_cases()
    first, second = Reader(render_report(view_of(one, two))).data
    assert first["errors"][1]["kind"] == "missed_connection"
    assert first["errors"][1]["voxel"] == [3, 8]
    assert b64decode(first["pictures"][0]["png"]) == one.pictures[0].png
    assert second == {"errors": [], "pictures": [], "ndim": 2, "threshold": None, "features": []}


def test_the_features_of_a_probability_map_are_embedded() -> None:
    feature = MapFeature(1, 0.75, 0.25, matched=True, voxel=(3, 4))
    case = case_of("one", "1", {"dice": 0.5, "betti_error": 2, "b0": 1}, features=(feature,))
    (data,) = Reader(render_report(view_of(case, threshold=0.5))).data
    assert data["threshold"] == 0.5
    assert data["features"] == [{"dimension": 1, "birth": 0.75, "death": 0.25, "matched": True, "voxel": [3, 4]}]


@pytest.mark.parametrize(
    "evil", ["</script><script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "<!--", "{{ 7 * 7 }}"]
)
def test_no_name_can_become_markup(evil: str) -> None:
    case = case_of(evil, evil, {"dice": 1.0}, (error_at(0, 0, kind=evil),), (Picture(evil, b"", 1, 1),))
    scores = (Score("dice", evil, evil, evil, "higher"),)
    page = render_report(
        view_of(
            case,
            title=evil,
            command=evil,
            versions={evil: evil},
            settings={evil: evil},
            scores=scores,
            failures=((evil, evil),),
        )
    )
    reader = Reader(page)
    assert reader.data[0]["errors"][0]["kind"] == evil
    assert "<img" not in page
    assert "<script>alert" not in page
    assert page.count("</script>") == 2


@pytest.mark.parametrize("cases", [(), (case_of("one", "1", {}),)])
def test_a_report_without_values_has_a_page(cases: tuple[CaseScores, ...]) -> None:
    Reader(render_report(view_of(*cases, failures=(("one", "unreadable"),))))


def colours_at(picture: Picture, voxels: np.ndarray) -> np.ndarray:
    """The colours of the pixels that show voxels, by the definition of a picture's place."""
    pixels = np.asarray(Image.open(BytesIO(picture.png)).convert("RGB"))
    assert pixels.shape[:2] == (picture.height, picture.width)
    place = [voxels[:, axis] - first for axis, first in zip(picture.axes, picture.origin, strict=True)]
    place = [n - 1 - p if f else p for p, n, f in zip(place, pixels.shape, picture.flipped, strict=False)]
    return pixels[tuple(place)]


@pytest.mark.parametrize("rows_first", [True, False])
@pytest.mark.parametrize("shape", [(7, 12), (9, 6, 13), (1, 8), (8, 1, 3)])
def test_each_voxel_of_one_mask_alone_is_where_the_picture_says(shape: tuple[int, ...], rows_first: bool) -> None:
    random = np.random.default_rng(0)
    spacing = np.arange(1.0, len(shape) + 1)
    for alone, colour in ((0, COLOURS[1]), (1, COLOURS[2])):
        masks = [np.zeros(shape, bool), np.zeros(shape, bool)]
        masks[alone] = random.random(shape) > 0.8
        masks[alone].flat[0] = True
        pictures = case_pictures(*masks, spacing=spacing, rows_first=rows_first)
        assert len(pictures) == (1 if len(shape) == 2 else 3)
        for picture in pictures:
            shown = colours_at(picture, np.argwhere(masks[alone])).astype(float)
            # The brightness grows with the thickness, so only the proportions of the colour are the same.
            proportions = shown / shown.max(axis=1, keepdims=True)
            assert np.abs(proportions - np.array(colour) / max(colour)).max() < 0.03
            assert picture.spacing == tuple(spacing[axis] for axis in picture.axes)


def test_both_masks_are_grey_and_the_background_is_black() -> None:
    masks = np.zeros((2, 5, 8), bool)
    masks[:, 1:3, 2:4] = True
    (picture,) = case_pictures(*masks)
    assert (colours_at(picture, np.argwhere(masks[0])) == COLOURS[3]).all()
    assert (colours_at(picture, np.argwhere(~masks[0])) == 0).all()


def test_an_image_is_below_the_masks() -> None:
    image = np.arange(5 * 9, dtype=np.int16).reshape(5, 9) * 10 - 100
    mask = np.zeros((5, 9), bool)
    mask[0, 0] = True
    (picture,) = case_pictures(mask, ~mask & False, image=image)
    grey = colours_at(picture, np.argwhere(~mask))
    assert (np.diff(grey[:, 0].astype(int)) >= 0).all()
    assert (grey == grey[:, :1]).all()
    assert 100 < grey.max() < colours_at(picture, np.argwhere(mask)).max()
    orange = colours_at(picture, np.argwhere(mask))[0]
    assert orange[0] > orange[2]
    assert np.array_equal(
        case_pictures(mask, mask, image=np.stack([image] * 3)), case_pictures(mask, mask, image=image)
    )


@pytest.mark.parametrize("shape", [(4, 7), (3, 5, 6)])
@pytest.mark.parametrize("value", [False, True])
def test_constant_masks_and_images_have_pictures(shape: tuple[int, ...], value: bool) -> None:
    mask = np.full(shape, value)
    image = np.full(shape, 3.0) if len(shape) == 2 else None
    for picture in case_pictures(mask, np.zeros_like(mask), image=image):
        assert Image.open(BytesIO(picture.png)).size == (picture.width, picture.height)


def test_a_large_picture_keeps_its_single_voxels() -> None:
    mask = np.zeros((10, LONGEST_SIDE * 2 + 3), bool)
    mask[3, 1001] = True
    (picture,) = case_pictures(mask, np.zeros_like(mask))
    pixels = np.asarray(Image.open(BytesIO(picture.png)).convert("RGB"))
    assert max(pixels.shape) <= LONGEST_SIDE
    assert (picture.height, picture.width) == mask.shape
    assert (pixels.any(axis=2)).sum() == 1


def test_the_first_errors_in_3d_have_close_ups() -> None:
    mask = np.ones((20, 30, 40), bool)
    errors = [error_at(i % 20, i % 30, i % 40) for i in range(CLOSE_UPS + 5)]
    pictures = case_pictures(mask, mask, [error.voxel for error in errors], spacing=(1.0, 1.0, 4.0))
    close_ups = [picture for picture in pictures if picture.error is not None]
    assert [p.error for p in close_ups] == [n for n in range(CLOSE_UPS) for _ in range(3)]
    for picture in close_ups:
        voxel = errors[picture.error or 0].voxel
        places = [voxel[axis] - first for axis, first in zip(picture.axes, picture.origin, strict=True)]
        assert all(0 <= place < size for place, size in zip(places, (picture.height, picture.width), strict=True))


def test_a_scale_has_round_ticks_around_its_values() -> None:
    for low, high in ((0.61, 0.98), (-3, 17), (0, 0), (5, 5), (0.001, 0.0012), (12, 140000)):
        scale = Scale.of([low, high])
        assert scale.low <= low <= high <= scale.high
        assert 2 <= len(scale.ticks) <= 8
        assert len(set(np.round(np.diff(scale.ticks), 9))) == 1
        assert (scale.percent(scale.low), scale.percent(scale.high)) == (0, 100)


def test_a_box_has_quartiles_whiskers_and_points() -> None:
    scale = Scale(0, 100, (0, 100))
    values = [0.0, 10, 20, 30, 100, math.nan]
    box = Box.of("s", values, scale)
    assert box is not None
    assert (box.quartiles, box.whiskers) == ((10, 20, 30), (0, 30))
    assert box.points == ((0, 0), (10, 1), (20, 2), (30, 3), (100, 4))
    many = Box.of("s", [50.0] * 70 + [100], scale)
    assert many is not None
    assert many.points == ((100, 70),)
    assert Box.of("s", [math.nan], scale) is None
