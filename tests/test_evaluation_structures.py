"""The structures of label maps, from lists, mappings, the command line and JSON files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from segtopo.errors import InputError
from segtopo.evaluation.structures import Structure, parse_labels, structures_of


def test_lists_mappings_and_none() -> None:
    assert structures_of(None) == (Structure("foreground"),)
    assert structures_of([2, "artery"]) == (Structure("2", (2,)), Structure("artery", ("artery",)))
    assert structures_of({"whole": (1, 2), "core": 2}) == (Structure("whole", (1, 2)), Structure("core", (2,)))


@pytest.mark.parametrize(
    "labels", [[], {}, [0, 1], [1, 1], {"a": []}, {"a": (1, 1)}, [True], [1.5], {"a": 0}, [""], [1, "1"]]
)
def test_labels_that_name_no_structures(labels: Any) -> None:
    with pytest.raises(InputError, match=r"^labels: got"):
        structures_of(labels)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,2,3", {"1": [1], "2": [2], "3": [3]}),
        ("1+2", {"1+2": [1, 2]}),
        ("vein = 1, tree=1+2", {"vein": [1], "tree": [1, 2]}),
        ("artery", {"artery": ["artery"]}),
        ("-3", {"-3": [-3]}),
        ("tree=artery+vein", {"tree": ["artery", "vein"]}),
    ],
)
def test_the_command_line(text: str, expected: dict[str, list[int]]) -> None:
    assert parse_labels(text) == (expected, None)


@pytest.mark.parametrize("text", ["", ",", "1,,2", "1,1", "a=", "1+", "a=1,a=2"])
def test_texts_that_are_no_labels(text: str) -> None:
    with pytest.raises(InputError, match=r"^labels: got .*, expected labels separated by commas"):
        parse_labels(text)


@pytest.mark.parametrize(
    "content",
    [
        {"labels": {"background": 0, "vein": 1, "tree": [1, 2]}, "channel_names": {"0": "CT"}},
        {"labels": {"0": "background", "1": "vein"}, "modality": {"0": "CT"}},
        {"vein": 1, "tree": [1, 2]},
        {"vein": "1"},
    ],
)
def test_json_files(content: Any, tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text(json.dumps(content), encoding="utf-8")
    found, ignored = parse_labels(str(tmp_path / "labels.json"))
    expected = {"vein": [1], "tree": [1, 2]}
    assert ignored is None
    assert isinstance(found, dict)
    assert found == {name: expected[name] for name in found}
    assert "vein" in found


def test_the_label_to_ignore_of_a_dataset_is_no_structure(tmp_path: Path) -> None:
    labels = {"background": 0, "tree": [1, 2], "tumour": 2, "ignore": 3}
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": labels}), encoding="utf-8")
    assert parse_labels(str(tmp_path / "dataset.json")) == ({"tree": [1, 2], "tumour": [2]}, 3)


@pytest.mark.parametrize(
    "text",
    [
        '{"vein": 1, "ignore": [2, 3]}',
        "no json",
        "[1, 2]",
        '{"labels": {"a": 1.5}}',
        '{"labels": {"a": {}}}',
        '{"a": null}',
    ],
)
def test_json_files_of_something_else(text: str, tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text(text, encoding="utf-8")
    with pytest.raises(
        InputError, match=r"labels\.json: got .*, expected a JSON file with the labels of each structure"
    ):
        parse_labels(str(tmp_path / "labels.json"))


def test_a_json_file_that_does_not_exist() -> None:
    with pytest.raises(InputError, match=r"no\.json: got .*No such file"):
        parse_labels("no.json")
