"""A training on regions that overlap, from the data to repaired masks."""

import csv
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from oracles.tiny_regions import CORE, REGIONS, RIM, make_region_cases, region_config
from oracles.tiny_training import write_config
from segtopo.config import load_config
from segtopo.errors import InputError
from segtopo.inference import predict
from segtopo.inference.checkpoint import Checkpoint
from segtopo.planning import plan
from segtopo.repair import RepairRules, repair_files, repair_regions
from segtopo.training import train, train_folds
from segtopo.volumes import read_volume


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished training: config.yaml, the data set, and out."""
    folder = tmp_path_factory.mktemp("regions")
    config = write_config(folder / "config.yaml", region_config(make_region_cases(folder), folder / "out"))
    train(
        config,
        [
            "epochs=8",
            "iterations_per_epoch=20",
            "optimizer.lr=0.03",
            "network.dropout=0",
            "validation={repair: true, interval: 4}",
        ],
        console=Console(file=StringIO()),
    )
    return folder


def test_a_training_learns_both_regions(folder: Path) -> None:
    rows = list(csv.DictReader((folder / "out/metrics.csv").read_text(encoding="utf-8").splitlines()))
    assert float(rows[-1]["val_dice"]) > 0.8
    of_each = [float(rows[-1][f"val_dice/{name}"]) for name in ("whole_disc", "core")]
    assert float(rows[-1]["val_dice"]) == pytest.approx(sum(of_each) / 2)
    assert float(rows[-1]["loss"]) < 0.6 * float(rows[0]["loss"])


def test_each_region_has_repair_rules_of_its_own(folder: Path) -> None:
    files = sorted(path.name for path in (folder / "out").glob("repair_rules*.json"))
    assert files == ["repair_rules_1.json", "repair_rules_2.json"]
    stored = Checkpoint.load(folder / "out/best.pt").rules(folder / "out/best.pt")
    assert stored == [RepairRules.load(folder / "out" / name) for name in files]


@pytest.mark.parametrize("repair", [False, True])
@pytest.mark.parametrize("mirror", [False, True])
def test_predicted_label_maps_are_painted_from_the_probabilities(
    folder: Path, tmp_path: Path, repair: bool, mirror: bool
) -> None:
    options: dict[str, Any] = {"probabilities": True, "repair": repair, "mirror": mirror, "device": "cpu"}
    written = predict(
        [folder / "out", folder / "out/last.pt"][: 1 + mirror * (not repair)],
        folder / "imagesTr",
        tmp_path / "masks",
        **options,
    )
    rules = Checkpoint.load(folder / "out/best.pt").rules(folder / "out/best.pt")
    for path in written:
        volume = read_volume(tmp_path / "masks/probabilities" / path.name)
        if repair:
            expected = repair_regions(volume.array, rules, painted=(RIM, CORE), spacing=volume.spacing).labels
        else:
            expected = np.zeros(volume.spatial_shape, np.uint8)
            for probability, label in zip(volume.array, (RIM, CORE), strict=True):
                expected[probability > 0.5] = label
        assert np.array_equal(read_volume(path).array, expected)
        assert {RIM, CORE} <= set(np.unique(expected))
    assert (tmp_path / "masks/edits.csv").exists() == repair


def test_stored_probabilities_are_repaired_as_regions(folder: Path, tmp_path: Path) -> None:
    predict(folder / "out", folder / "imagesTr", tmp_path / "masks", probabilities=True, device="cpu")
    (tmp_path / "maps").mkdir()
    repair_files(tmp_path / "masks/probabilities", tmp_path / "repaired", rules=RepairRules(min_piece_size=0))
    volume = read_volume(tmp_path / "masks/probabilities/case_2.nii.gz")
    expected = repair_regions(
        volume.array, RepairRules(min_piece_size=0), painted=(RIM, CORE), spacing=volume.spacing
    ).labels
    assert np.array_equal(read_volume(tmp_path / "repaired/case_2.nii.gz").array, expected)


def test_a_resumed_training_has_the_losses_of_an_uninterrupted_one(tmp_path: Path) -> None:
    data, quiet = make_region_cases(tmp_path), Console(file=StringIO())
    losses = {}
    for name, parts in (("whole", ["epochs=4"]), ("parts", ["epochs=2", "epochs=4"])):
        config = write_config(tmp_path / f"{name}.yaml", region_config(data, tmp_path / name))
        for number, epochs in enumerate(parts):
            result = train(config, [epochs, "schedule={name: Constant}"], resume=number > 0, console=quiet)
        losses[name] = [row["loss"] for row in result.history]
    assert losses["whole"] == losses["parts"]
    swapped = region_config(data, tmp_path / "whole")
    swapped["data"] |= {"regions": {"core": [CORE], "whole disc": [RIM]}, "painted": [CORE, RIM]}
    with pytest.raises(InputError, match=r"^data\.painted\.0: got 4, expected 1 as in .*last\.pt"):
        train(write_config(tmp_path / "swapped.yaml", swapped), ["epochs=5"], resume=True, console=quiet)


def test_folds_choose_rules_for_each_region(tmp_path: Path) -> None:
    config = write_config(
        tmp_path / "config.yaml", region_config(make_region_cases(tmp_path, count=2), tmp_path / "out")
    )
    fast = ["epochs=1", "iterations_per_epoch=40", "optimizer.lr=0.03", "network.dropout=0"]
    overrides = ["data.split={folds: 2}", *fast, "validation={repair: true}"]
    train_folds(config, overrides, console=Console(file=StringIO()))
    assert len(list((tmp_path / "out").glob("repair_rules_*.json"))) == 2
    written = predict(tmp_path / "out", tmp_path / "imagesTr", tmp_path / "masks", repair=True, device="cpu")
    assert len(written) == 2


def test_networks_with_other_regions_are_no_ensemble(folder: Path, tmp_path: Path) -> None:
    config = region_config(folder, tmp_path / "out")
    config["data"] |= {"regions": {"core": [CORE], "rim": [RIM]}}
    train(write_config(tmp_path / "config.yaml", config), ["epochs=1"], console=Console(file=StringIO()))
    with pytest.raises(InputError, match=r"data\.regions: got .*: the networks of an ensemble read images in one way"):
        predict([folder / "out", tmp_path / "out"], folder / "imagesTr", tmp_path / "masks", device="cpu")
    with pytest.raises(InputError, match="dicom_seg: got a network of the regions whole disc, core, expected"):
        predict(folder / "out", folder / "imagesTr", tmp_path / "masks", device="cpu", dicom_seg=True)


def test_a_plan_of_regions_trains_as_it_is(tmp_path: Path) -> None:
    data = make_region_cases(tmp_path / "discs")
    planned = plan(data)
    assert planned.summary.endswith("1 channel, 2 regions")
    assert any(line.startswith("# Region whole disc: ") for line in planned.config.splitlines())
    (tmp_path / "planned.yaml").write_text(planned.config, encoding="utf-8")
    block = planned.config[planned.config.index("# base: planned.yaml") :]
    second = "\n".join(line.removeprefix("# ") for line in block.splitlines())
    (tmp_path / "second.yaml").write_text(second, encoding="utf-8")
    assert load_config(tmp_path / "second.yaml").data.regions == {name: tuple(of) for name, of in REGIONS.items()}
    overrides = ["epochs=1", "iterations_per_epoch=2", "workers=0", "device=cpu", f"out={tmp_path / 'out'}"]
    assert train(tmp_path / "planned.yaml", overrides, console=Console(file=StringIO())).best is not None
