"""The sources of training cases: folders with nnU-Net's names, dataset.json of nnU-Net and MSD, tables, DICOM."""

from __future__ import annotations

import json
import shutil
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from oracles.dicom_files import slices_of, write_slices
from oracles.tiny_training import make_cases, tiny_config, write_config
from segtopo.config import TrainingConfig, load_config
from segtopo.errors import InputError
from segtopo.inference import predict
from segtopo.inference.images import find_images, load_image
from segtopo.training import train
from segtopo.training.case_loading import load_case
from segtopo.training.case_sources import TrainingCase, cases_of_source
from segtopo.training.training_cases import find_cases
from segtopo.volumes import Volume, read_volume, write_volume
from segtopo.volumes.case_pairs import pair_cases

V2 = {"channel_names": {"0": "T1", "1": "T2"}, "labels": {"background": 0, "bar": 1}, "file_ending": ".nii.gz"}


def config_of(folder: Path, data: dict[str, Any], **changes: Any) -> TrainingConfig:
    config = tiny_config(folder, folder / "out") | changes
    config["data"] = {"normalization": {"name": "ZScore"}, **data}
    return load_config(write_config(folder / "config.yaml", config))


def refusal(folder: Path, data: dict[str, Any]) -> str:
    with pytest.raises(InputError) as caught:
        find_cases(config_of(folder, data).data)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def listed(cases: list[TrainingCase], root: Path) -> dict[str, tuple[list[str], str]]:
    return {
        case.name: ([str(file.relative_to(root)) for file in case.images], str(case.label.relative_to(root)))
        for case in cases
    }


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


FOLDERS: dict[str, tuple[list[str], dict[str, tuple[list[str], str]]]] = {
    "one channel": (["i/a_0000.png", "l/a.png"], {"a": (["i/a_0000.png"], "l/a.png")}),
    "two channels": (
        ["i/a_0000.nii", "i/a_0001.nii", "l/a.nii.gz"],
        {"a": (["i/a_0000.nii", "i/a_0001.nii"], "l/a.nii.gz")},
    ),
    "numbers that belong to the names": (
        ["i/a_0000.png", "i/a_0001.png", "l/a_0000.png", "l/a_0001.png"],
        {"a_0000": (["i/a_0000.png"], "l/a_0000.png"), "a_0001": (["i/a_0001.png"], "l/a_0001.png")},
    ),
    "both, and a label without an image": (
        ["i/a_0000.png", "i/b.png", "l/a.png", "l/b.png", "l/c.png"],
        {"a": (["i/a_0000.png"], "l/a.png"), "b": (["i/b.png"], "l/b.png")},
    ),
}


@pytest.mark.parametrize("layout", FOLDERS)
def test_channels_are_found_by_the_names_of_the_labels(layout: str, tmp_path: Path) -> None:
    files, expected = FOLDERS[layout]
    touch(tmp_path, *files)
    folders = {"images": str(tmp_path / "i"), "labels": str(tmp_path / "l")}
    assert listed(cases_of_source(config_of(tmp_path, {"train": folders}).data), tmp_path) == expected


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        (["i/a_0001.png", "l/a.png"], "i: got the channels 0001 of a, expected 0000"),
        (["i/a_0000.png", "i/a_0002.png", "l/a.png"], "i: got the channels 0000, 0002 of a, expected 0000, 0001"),
        (["i/a_0000.png", "l/b.png"], "a_0000.png: got no label, expected a file named a in "),
        (["i/a.png", "i/a_0000.png", "l/a.png"], "a_0000.png: got a second image, expected one image of a"),
    ],
)
def test_channels_that_make_no_image_are_refused(files: list[str], problem: str, tmp_path: Path) -> None:
    touch(tmp_path, *files)
    assert problem in refusal(tmp_path, {"train": {"images": str(tmp_path / "i"), "labels": str(tmp_path / "l")}})


def test_channel_files_are_stacked_in_order(tmp_path: Path) -> None:
    images = np.random.default_rng(0).normal(size=(2, 9, 7)).astype(np.float32)
    for channel, image in enumerate(images):
        write_volume(tmp_path / "i" / f"a_{channel:04}.nii.gz", image)
    write_volume(tmp_path / "l" / "a.nii.gz", images[0] > 0)
    config = config_of(tmp_path, {"train": {"images": str(tmp_path / "i"), "labels": str(tmp_path / "l")}})
    loaded = load_case(cases_of_source(config.data)[0], config).image
    assert np.allclose(loaded, (images - images.mean((1, 2), keepdims=True)) / images.std((1, 2), keepdims=True))
    write_volume(tmp_path / "i" / "a_0001.nii.gz", images[1], Volume(images[1], np.diag([2.0, 1, 1, 1])))
    with pytest.raises(InputError, match=r"a_0001\.nii\.gz: got spacing .* of .*a_0000\.nii\.gz"):
        load_case(cases_of_source(config.data)[0], config)
    write_volume(tmp_path / "i" / "a_0001.nii.gz", images, Volume(images[1]))
    with pytest.raises(InputError, match=r"got 2 channels, expected one channel, as there are 2 files"):
        load_case(cases_of_source(config.data)[0], config)


@pytest.mark.parametrize(
    ("names", "channels", "in_channels", "expected"),
    [
        (["a_0000", "b_0000"], None, 1, {"a": 1, "b": 1}),
        (["a_0000", "a_0001", "b_0000", "b_0001"], None, 2, {"a": 2, "b": 2}),
        (["a_0000", "a_0001", "a_0002"], [2, 0], 2, {"a": 3}),
        (["a_0000", "a_0001"], None, 1, {"a_0000": 1, "a_0001": 1}),
        (["a_0000", "a_0001", "b_0000"], None, 2, {"a_0000": 1, "a_0001": 1, "b_0000": 1}),
        (["a", "b_0000"], None, 1, {"a": 1, "b": 1}),
        (["scan_0007", "scan_0009"], None, 1, {"scan_0007": 1, "scan_0009": 1}),
    ],
)
def test_images_to_predict_are_grouped_as_the_network_needs(
    names: list[str], channels: list[int] | None, in_channels: int, expected: dict[str, int], tmp_path: Path
) -> None:
    for name in names:
        write_volume(tmp_path / "i" / f"{name}.png", np.zeros((5, 4), np.uint8))
    data = config_of(tmp_path, {"train": {"images": "i", "labels": "l"}, "channels": channels}).data
    assert {name: len(files) for name, files in find_images(tmp_path / "i", data, in_channels).items()} == expected


def test_numbered_frames_in_colour_are_images_of_their_own(tmp_path: Path) -> None:
    for number in range(3):
        frame = np.zeros((3, 5, 4), np.uint8)
        write_volume(tmp_path / "i" / f"f_{number:04}.png", frame, Volume(frame[0]))
    data = config_of(tmp_path, {"train": {"images": "i", "labels": "l"}, "channels": [1]}).data
    found = find_images(tmp_path / "i", data, 1)
    assert list(found) == ["f_0000", "f_0001", "f_0002"]
    assert load_image(found["f_0001"], data, 2)[0].shape == (1, 5, 4)


def write_json(folder: Path, content: object) -> dict[str, Any]:
    (folder / "dataset.json").write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return {"dataset": str(folder / "dataset.json")}


def test_a_dataset_of_nnunet_is_read_from_its_folders(tmp_path: Path) -> None:
    touch(tmp_path, *(f"imagesTr/{case}_{c:04}.nii.gz" for case in "ab" for c in range(2)), "imagesTr/notes.png")
    touch(tmp_path, "labelsTr/a.nii.gz", "labelsTr/b.nii.gz")
    labels = {"background": 0, "vein": 1, "artery": 2, "ignore": 3}
    config = config_of(tmp_path, write_json(tmp_path, V2 | {"labels": labels, "numTraining": 2}))
    assert (config.data.classes, config.data.ignore_label) == (3, 3)
    assert config.data.output_channels.names == config.data.class_names == ("vein", "artery")
    assert listed(cases_of_source(config.data), tmp_path) == {
        case: ([f"imagesTr/{case}_0000.nii.gz", f"imagesTr/{case}_0001.nii.gz"], f"labelsTr/{case}.nii.gz")
        for case in "ab"
    }


def test_the_names_of_classes_are_those_of_the_config_or_of_the_dataset(tmp_path: Path) -> None:
    dataset = write_json(tmp_path, {"labels": {"2": "vein", "0": "background", "1": "artery"}})
    assert config_of(tmp_path, dataset).data.output_channels.names == ("artery", "vein")
    assert config_of(tmp_path, dataset | {"class_names": ["a", "v"]}).data.output_channels.names == ("a", "v")
    chosen = config_of(tmp_path, dataset | {"label": 2}).data
    assert (chosen.classes, chosen.output_channels.names) == (2, ("vein",))
    assert config_of(tmp_path, dataset | {"label": 7}).data.output_channels.names == ("class 1",)
    folders = {"train": {"images": "i", "labels": "l"}, "classes": 3}
    assert config_of(tmp_path, folders).data.output_channels.names == ("class 1", "class 2")


def test_a_dataset_of_nnunet_may_list_its_cases(tmp_path: Path) -> None:
    touch(tmp_path, "x/one.nii.gz", "y/two.nii.gz", "z/a.nii.gz")
    cases = {"a": {"images": ["x/one.nii.gz", "y/two.nii.gz"], "label": "z/a.nii.gz"}}
    found = cases_of_source(config_of(tmp_path, write_json(tmp_path, V2 | {"dataset": cases})).data)
    assert listed(found, tmp_path) == {"a": (["x/one.nii.gz", "y/two.nii.gz"], "z/a.nii.gz")}


@pytest.mark.parametrize("files", [["case.nii.gz"], ["case_0000.nii.gz"], ["case_0000.nii.gz", "case_0001.nii.gz"]])
def test_a_dataset_with_a_list_is_read(files: list[str], tmp_path: Path) -> None:
    touch(tmp_path, *(f"imagesTr/{file}" for file in files), "labelsTr/case.nii.gz")
    pair = {"image": "./imagesTr/case.nii.gz", "label": "./labelsTr/case.nii.gz"}
    content = {"labels": {"0": "background", "1": "bar"}, "training": [pair], "test": [], "numTraining": 1}
    cases, held_out = find_cases(config_of(tmp_path, write_json(tmp_path, content)).data)
    assert listed(cases, tmp_path) == {"case": ([f"imagesTr/{file}" for file in files], "labelsTr/case.nii.gz")}
    assert held_out == []


PAIR = {"image": "x.nii", "label": "y.nii"}
MSD_LABELS = {"0": "a", "1": "b"}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "dataset.json: got no JSON"),
        ([], "dataset.json: got a list, expected a dataset.json of nnU-Net or"),
        ({"training": []}, "dataset.json: got labels: None, expected labels as those of nnU-Net"),
        ({"labels": {"a": 0.5}}, "dataset.json: got a: 0.5, expected labels as"),
        ({"labels": {"a": 0, "b": 1, "c": 3}}, "got the labels 1, 3, expected labels 1, 2, ..."),
        ({"labels": MSD_LABELS}, "got the keys labels, expected the cases (training, or dataset), or the file_ending"),
        ({"training": ["a.nii.gz"], "labels": MSD_LABELS}, "expected a list training of {image, label}"),
        ({"training": [], "labels": MSD_LABELS}, "got 0 training cases, expected at least one case"),
        ({"training": [PAIR], "labels": MSD_LABELS, "numTraining": 2}, "got 1 training cases, expected 2, as numTrai"),
        ({"training": [PAIR], "labels": MSD_LABELS}, "x.nii, which does not exist"),
        (V2, "imagesTr: got no such folder"),
    ],
)
def test_a_dataset_json_that_cannot_be_used_is_refused(content: object, problem: str, tmp_path: Path) -> None:
    assert problem in refusal(tmp_path, write_json(tmp_path, content))


def test_the_classes_of_a_config_must_be_those_of_its_dataset(tmp_path: Path) -> None:
    data = write_json(tmp_path, V2 | {"labels": {"background": 0, "vein": 1, "artery": 2}})
    assert "got 3 labels with the background, expected 2, as data.classes" in refusal(tmp_path, data | {"classes": 2})
    assert config_of(tmp_path, data | {"label": 2}).data.classes == 2
    assert "dataset.json: cannot be read" in refusal(tmp_path, {"dataset": str(tmp_path / "no" / "dataset.json")})


def test_a_table_names_files_channels_and_groups(tmp_path: Path) -> None:
    touch(tmp_path, "x/1.nii", "x/2.nii", "x/3.nii", "x/4.nii", "y/a.nii", "y/b.nii", "z/b.nii")
    (tmp_path / "t.csv").write_text(
        "case,image_t1,image_t2,label,group,age\n,x/1.nii,x/2.nii,y/a.nii,p1,3\nb,x/3.nii,x/4.nii,y/b.nii,p1,4\n"
        "c,x/3.nii,x/4.nii,z/b.nii,p2,5\n",
        encoding="utf-8",
    )
    data = {"table": str(tmp_path / "t.csv"), "split": {"fraction": 0.5}}
    cases = cases_of_source(config_of(tmp_path, data).data)
    assert listed(cases, tmp_path) == {
        "a": (["x/1.nii", "x/2.nii"], "y/a.nii"),
        "b": (["x/3.nii", "x/4.nii"], "y/b.nii"),
        "c": (["x/3.nii", "x/4.nii"], "z/b.nii"),
    }
    split = [{case.name for case in part} for part in find_cases(config_of(tmp_path, data).data)]
    assert sorted(split, key=len) == [{"c"}, {"a", "b"}]
    problem = "data.split.group: got 'p', expected no value: data.table has a column group"
    assert problem in refusal(tmp_path, data | {"split": {"group": "p"}})


def test_a_table_may_name_the_folds(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{case}.nii" for case in "abcde"))
    rows = [f"{case}.nii,{case}.nii,{fold}" for case, fold in zip("abcde", "01201", strict=True)]
    (tmp_path / "t.csv").write_text("\n".join(["image,label,fold", *rows]), encoding="utf-8")

    def data(**split: Any) -> dict[str, Any]:
        return {"table": str(tmp_path / "t.csv"), "split": split}

    for fold, expected in ((0, ["bce", "ad"]), (1, ["acd", "be"]), (2, ["abde", "c"])):
        parts = find_cases(config_of(tmp_path, data(folds=3, fold=fold)).data)
        assert ["".join(case.name for case in part) for part in parts] == expected
    assert len(find_cases(config_of(tmp_path, data(fraction=0.2)).data)[1]) == 1
    problem = "data.table: got the folds 0, 1, 2, expected 0 to 3, as data.split.folds"
    assert problem in refusal(tmp_path, data(folds=4, fold=0))
    problem = "data.split.group: got 'x', expected no value: data.table has a column fold"
    assert problem in refusal(tmp_path, data(folds=3, fold=0, group="x"))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("image,label,fold\na.nii,a.nii,-1\n", "got the fold '-1' in line 2, expected a number from 0"),
        ("", "got the columns (none), expected the columns image and label"),
        ("image,mask\na,b\n", "got the columns image, mask, expected the columns image and label"),
        ("image,label\n", "got no row, expected at least one case"),
        ("image,label\na.nii,\n", "got no label in line 2, expected a path in each row"),
        ("image,label\na.nii\n", "got no label in line 2, expected a path in each row"),
        ("image,label\na.nii,b.nii\n", "a.nii, which does not exist, expected existing files"),
        (
            "image,label\na.nii,x/b.nii\nc.nii,y/b.nii\n",
            "got two cases b, expected one case of each name; a column case",
        ),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(content: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(content, encoding="utf-8")
    assert problem in refusal(tmp_path, {"table": str(tmp_path / "t.csv")})


def test_a_table_that_is_missing_is_refused(tmp_path: Path) -> None:
    assert "t.csv: cannot be read: No such file" in refusal(tmp_path, {"table": str(tmp_path / "t.csv")})


def test_a_series_of_dicom_is_an_image_of_any_source(tmp_path: Path) -> None:
    voxels = np.random.default_rng(0).integers(0, 900, (7, 14, 11)).astype(np.uint16)
    series = write_slices(tmp_path / "i" / "case.1", slices_of(voxels))
    scan = read_volume(series)
    write_volume(tmp_path / "l" / "case.1.nii.gz", scan.array > 500, scan)
    (tmp_path / "t.csv").write_text("image,label\ni/case.1,l/case.1.nii.gz\n", encoding="utf-8")
    pair = {"image": "i/case.1", "label": "l/case.1.nii.gz"}
    sources = [
        {"train": {"images": str(tmp_path / "i"), "labels": str(tmp_path / "l")}},
        {"table": str(tmp_path / "t.csv")},
        write_json(tmp_path, {"labels": MSD_LABELS, "training": [pair]}),
    ]
    for source in sources:
        config = config_of(tmp_path, source, patch_size=[8, 8, 4])
        (case,) = cases_of_source(config.data)
        assert (case.name, case.images) == ("case.1", (series,))
        loaded = load_case(case, config)
        assert np.array_equal(loaded.reference[0], scan.array > 500)
        assert find_images(tmp_path / "i", config.data, 1) == {"case.1": (series,)}


def test_predictions_of_channel_files_are_named_like_their_labels(tmp_path: Path) -> None:
    data = make_cases(tmp_path / "data", (24, 21), count=2)
    for path in sorted((data / "images").iterdir()):
        stem = path.name.removesuffix(".nii.gz")
        shutil.copy(path, path.with_name(f"{stem}_0001.nii.gz"))
        path.rename(path.with_name(f"{stem}_0000.nii.gz"))
    path = write_config(tmp_path / "config.yaml", tiny_config(data, tmp_path / "out"))
    trained = train(path, ["data.split=null", "epochs=1"], console=Console(file=StringIO()))
    written = predict(trained.last, data / "images", tmp_path / "masks", device="cpu")
    assert not pair_cases(tmp_path / "masks", data / "labels").extra
    assert [path.name for path in written] == ["case_0.nii.gz", "case_1.nii.gz"]
