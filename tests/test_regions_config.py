"""Regions of a config: which ones can be trained, and how the others are refused."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from oracles.tiny_regions import CORE, REGIONS, RIM, UNDECIDED, load_region_config, make_region_cases, region_config
from oracles.tiny_training import write_config
from segtopo.config.output_channels import OutputChannels
from segtopo.errors import InputError
from segtopo.training import train
from segtopo.training.labels import load_label
from segtopo.training.run_folder import check_same_config
from segtopo.volumes import read_volume, write_volume


def refusal(folder: Path, *overrides: str, **data: Any) -> str:
    with pytest.raises(InputError) as caught:
        load_region_config(folder, *overrides, **data)
    return str(caught.value).removeprefix(f"{folder / 'config.yaml'}: ")


def test_labels_keep_their_values_and_others_are_refused(tmp_path: Path) -> None:
    data = load_region_config(make_region_cases(tmp_path)).data
    labels = load_label(tmp_path / "labelsTr" / "case_1.nii.gz", data).array
    assert set(np.unique(labels)) == {0, RIM, CORE, CORE + 1}
    assert np.array_equal(labels == CORE + 1, read_volume(tmp_path / "labelsTr" / "case_1.nii.gz").array == UNDECIDED)
    write_volume(tmp_path / "only.nii.gz", np.full((4, 3), CORE, np.uint8))  # no binary mask
    assert (load_label(tmp_path / "only.nii.gz", data).array == CORE).all()
    write_volume(tmp_path / "other.nii.gz", np.array([[0, 2], [1, 4]], np.uint8))
    expected = "expected one channel of labels 0, 1, 4 and 9, which is ignored, (data.regions)"
    with pytest.raises(InputError) as caught:
        load_label(tmp_path / "other.nii.gz", data)
    assert expected in str(caught.value)


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_dataset_json_and_a_config_say_the_same(by_hand: bool, tmp_path: Path) -> None:
    data = make_region_cases(tmp_path)
    section = {"regions": REGIONS, "ignore_label": UNDECIDED} if by_hand else {}
    if by_hand:
        content = json.loads((data / "dataset.json").read_text(encoding="utf-8"))
        content["labels"] = {"background": 0, "rim": 1, "core": 4}
        (data / "dataset.json").write_text(json.dumps(content), encoding="utf-8")
    found = load_region_config(data, **section).data
    assert found.output_channels == OutputChannels(((RIM, CORE), (CORE,)), (RIM, CORE), CORE + 1, tuple(REGIONS))
    assert (found.classes, found.ignore_label) == (None, UNDECIDED)


@pytest.mark.parametrize(
    ("regions", "painted", "problem"),
    [
        ({}, None, "data.regions: got {}, expected a mapping of names to lists of labels from 1 to 254 or null"),
        ({"a": []}, None, "data.regions.a: got [], expected a list of labels from 1 to 254, each once"),
        ({"a": [1, 1]}, None, "data.regions.a: got [1, 1], expected a list of labels from 1 to 254, each once"),
        ({"a": [1, 0]}, None, "data.regions.a[1]: got 0, expected a label from 1 to 254, as 0 is the background"),
        ({"a": [1, 255]}, None, "data.regions.a[1]: got 255, expected a label from 1 to 254, as 0 is the background"),
        ({"a\nb": [1]}, None, "data.regions: got {'a\\nb': [1]}, expected names of printable characters"),
        ({"a b": []}, None, "data.regions['a b']: got [], expected a list of labels from 1 to 254, each once"),
        ({"a": 1}, None, "data.regions.a: got 1, expected a list of labels from 1 to 254, each once"),
        (
            {"core": [2], "whole": [1, 2]},
            [2, 1],
            "data.regions: got core before whole, which contains it, expected whole first: a later region is painted "
            "over an earlier one",
        ),
        (
            {"a": [1, 2], "b": [3]},
            None,
            "data.painted: got no value, expected a label for each region: not every region has exactly one label that "
            "no later region has",
        ),
        ({"a": [1, 2], "b": [2]}, [1], "data.painted: got [1], expected 2 labels, one for each region, each once"),
        (
            {"a": [1, 2], "b": [2]},
            [2, 2],
            "data.painted: got [2, 2], expected 2 labels, one for each region, each once",
        ),
        ({"a": [1, 2], "b": [2]}, [1, 3], "data.painted: got 3 for b, expected one of 2, the labels of b"),
    ],
)
def test_regions_that_cannot_be_trained_are_refused(
    regions: Any, painted: list[int] | None, problem: str, tmp_path: Path
) -> None:
    section = {"regions": regions} | ({} if painted is None else {"painted": painted})
    assert refusal(make_region_cases(tmp_path), **section) == problem


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("data.classes=3", "data.classes: got 3 beside regions, expected either classes or regions"),
        ("data.ignore_label=4", "data.ignore_label: got 4, expected a label that is neither the background nor in a"),
        ("loss.include_background=false", "loss.include_background: got false, expected true: each region is"),
        ("loss.weight=[1, 2]", "loss.weight: got (1.0, 2.0), expected null: each region is compared alone"),
        ("loss.batch=true", "loss.batch: got true, expected false: each region is compared alone"),
        (
            "loss={name: CombinedTopologyLoss, topology_loss: {name: BettiPriorLoss, priors: "
            "[{classes: [0], betti_numbers: [1, 0]}]}}",
            "loss.topology_loss.priors: got ",
        ),
        ("transforms=[{name: RandBreakVessels}]", "transforms[0].name: got RandBreakVessels, expected another"),
    ],
)
def test_options_that_do_not_fit_regions_are_refused(override: str, problem: str, tmp_path: Path) -> None:
    assert problem in refusal(make_region_cases(tmp_path), override)


def test_a_config_without_regions_has_none_to_paint_and_two_classes(tmp_path: Path) -> None:
    data = make_region_cases(tmp_path)
    section = {"label": 4, "ignore_label": 9}
    assert load_region_config(data, **section).data.classes == 2
    assert (
        refusal(data, **section, painted=[1]) == "data.painted: got [1] without regions, expected no value, or regions"
    )
    assert "data.classes: got null, expected an integer from 2 to 255" in refusal(data, **section, classes=None)


def test_a_region_without_a_voxel_is_refused_before_the_training(tmp_path: Path) -> None:
    config = region_config(make_region_cases(tmp_path), tmp_path / "out")
    config["data"] |= {"regions": REGIONS | {"other": [7]}, "painted": [1, 4, 7]}
    with pytest.raises(InputError) as caught:
        train(write_config(tmp_path / "config.yaml", config), console=Console(file=StringIO()))
    assert str(caught.value) == (
        "data.regions: got other: no voxel of the 3 label files is in this region, expected regions that the training "
        "cases have"
    )


def test_the_order_of_regions_is_that_of_the_channels(tmp_path: Path) -> None:
    regions = {"left": [RIM, 3], "right": [CORE, 3]}
    data, painted = make_region_cases(tmp_path), [RIM, CORE]
    earlier = load_region_config(data, regions=regions, painted=painted)
    check_same_config(earlier, earlier, tmp_path / "last.pt")
    other = load_region_config(data, regions=regions | {"left": [RIM, CORE, 3]}, painted=painted)
    with pytest.raises(InputError, match=r"data\.regions\.left\.1: got 4, expected 3"):
        check_same_config(earlier, other, tmp_path / "last.pt")
    crossing = {"left": [RIM, CORE, 2], "right": [RIM, CORE, 3]}
    first, second = (
        load_region_config(data, regions=each, painted=painted) for each in (crossing, dict(reversed(crossing.items())))
    )
    with pytest.raises(InputError, match=r"data\.regions: got \['right', 'left'\], expected \['left', 'right'\]"):
        check_same_config(first, second, tmp_path / "last.pt")
