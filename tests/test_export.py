"""segtopo export: every format gives the probabilities of the checkpoint, and a program finds all it needs in it."""

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from rich.console import Console

from oracles.tiny_regions import CORE, REGIONS, RIM, make_region_cases, region_config
from oracles.tiny_training import make_cases, tiny_config, write_config
from segtopo.errors import InputError
from segtopo.inference import predict
from segtopo.inference.checkpoint import Checkpoint
from segtopo.inference.export import ExportError, export
from segtopo.inference.export.exported_model import ExportedModel
from segtopo.inference.export.monai_bundle import write_bundle
from segtopo.training import train
from segtopo.volumes import read_volume

UNET = {"name": "UNet", "channels": [4, 8], "num_res_units": 1}


def trained(folder: Path, dimensions: int, extension: str, network: dict[str, Any], **changes: Any) -> Path:
    shape = (24, 21, 9)[:dimensions]
    config = tiny_config(make_cases(folder / "data", shape, extension=extension), folder / "run", dimensions)
    config["data"] |= {"normalization": changes.pop("normalization"), "class_names": ["bar"]}
    config |= {"network": network, "epochs": 2, "seed": 1, **changes}
    result = train(write_config(folder / "config.yaml", config), console=Console(file=StringIO()))
    assert result.best is not None
    return result.best


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("flat"), 2, ".png", UNET, normalization={"name": "ZScore"})


@pytest.fixture(scope="module")
def exported(checkpoint: Path) -> Path:
    export(checkpoint, checkpoint.parent / "export")
    return checkpoint.parent / "export"


@pytest.fixture(scope="module")
def network(checkpoint: Path) -> torch.nn.Module:
    return Checkpoint.load(checkpoint).build_network(checkpoint)


def difference(network: torch.nn.Module, images: torch.Tensor, logits: torch.Tensor) -> float:
    with torch.no_grad():
        return float((network(images).softmax(dim=1) - logits.softmax(dim=1)).abs().max())


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_onnx_gives_the_probabilities_and_the_metadata(exported: Path, network: torch.nn.Module, batch: int) -> None:
    images = torch.randn(batch, 1, 16, 12)
    session = onnxruntime.InferenceSession(exported / "model.onnx", providers=["CPUExecutionProvider"])
    logits = session.run(["logits"], {"image": images.numpy()})[0]
    assert difference(network, images, torch.from_numpy(logits)) < 1e-4
    metadata = {entry.key: entry.value for entry in onnx.load(exported / "model.onnx").metadata_props}
    assert json.loads(metadata["normalization"]) == {"name": "ZScore"}
    assert json.loads(metadata["class_names"]) == ["bar"]
    assert (json.loads(metadata["patch_size"]), metadata["classes"], metadata["spacing"]) == ([16, 12], "2", "native")


@pytest.mark.filterwarnings("ignore:`torch.jit.load` is deprecated:DeprecationWarning")
def test_torchscript_gives_the_probabilities_and_the_metadata(exported: Path, network: torch.nn.Module) -> None:
    files = {"metadata.json": ""}
    loaded = torch.jit.load(str(exported / "model.ts"), _extra_files=files)  # type: ignore[no-untyped-call]
    images = torch.randn(4, 1, 16, 12)
    assert difference(network, images, loaded(images)) < 1e-4
    assert json.loads(files["metadata.json"])["network"] == "UNet"


def run_bundle(bundle: Path, images: Path, masks: Path) -> None:
    """Runs a bundle as its user does, in a process of its own."""
    config = ["--config_file", str(bundle / "configs" / "inference.json"), "--bundle_root", str(bundle)]
    folders = ["--dataset_dir", str(images), "--output_dir", str(masks)]
    command = [sys.executable, "-W", "ignore", "-m", "monai.bundle", "run", *config, *folders]
    ended = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert ended.returncode == 0, ended.stderr


def turned(image: Any, axes: str) -> Any:
    """The same image with its axes in another order and direction."""
    own, wanted = nib.orientations.io_orientation(image.affine), nib.orientations.axcodes2ornt(axes)
    return image.as_reoriented(nib.orientations.ornt_transform(own, wanted))


@pytest.mark.parametrize("kind", ["2D pictures", "3D with our normalization"])
def test_a_bundle_writes_the_masks_of_segtopo_predict(
    tmp_path: Path, checkpoint: Path, exported: Path, kind: str
) -> None:
    bundle = exported / "bundle"
    if kind != "2D pictures":
        deep = {"name": "DynUNet", "channels": [4, 8, 8], "strides": [2, [2, 2, 1]], "deep_supervision": True}
        normalization = {"name": "LocalContrast", "sigma": 4.0}
        checkpoint = trained(tmp_path, 3, ".nii.gz", deep, normalization=normalization)
        model = ExportedModel.load(checkpoint)
        bundle = tmp_path / "bundle"
        write_bundle(model, bundle)
    images = checkpoint.parents[1] / "data" / "images"
    if kind != "2D pictures":
        for path in images.iterdir():
            turned(nib.load(path), "SLP").to_filename(path)
    run_bundle(bundle, images, tmp_path / "masks")
    for mask in predict(checkpoint, images, tmp_path / "expected"):
        expected, got = read_volume(mask), read_volume(tmp_path / "masks" / mask.name)
        assert got.array.shape == expected.array.shape
        assert np.mean((got.array > 0) != (expected.array > 0)) < 0.0005
        assert 0 < (expected.array > 0).mean() < 1
        if kind != "2D pictures":
            assert np.allclose(got.affine, expected.affine, atol=1e-4)


def test_regions_are_exported_with_their_names_and_label_maps(tmp_path: Path) -> None:
    data = make_region_cases(tmp_path / "data", extension=".png")
    config = write_config(tmp_path / "config.yaml", region_config(data, tmp_path / "run"))
    overrides = ["epochs=4", "iterations_per_epoch=20", "optimizer.lr=0.03", "network.dropout=0"]
    best = train(config, overrides, console=Console(file=StringIO())).best
    assert best is not None
    out = tmp_path / "export"
    export(best, out)
    metadata = {entry.key: entry.value for entry in onnx.load(out / "model.onnx").metadata_props}
    assert json.loads(metadata["regions"]) == REGIONS
    assert (json.loads(metadata["painted"]), "classes" in metadata) == ([RIM, CORE], False)
    assert "sigmoid" in metadata["output"]
    assert "2 regions" in (out / "MODEL_CARD.md").read_text(encoding="utf-8")
    described = json.loads((out / "bundle/configs/metadata.json").read_text(encoding="utf-8"))
    assert described["network_data_format"]["outputs"]["pred"]["channel_def"] == {"0": "whole disc", "1": "core"}
    run_bundle(out / "bundle", data / "imagesTr", tmp_path / "masks")
    for mask in predict(best, data / "imagesTr", tmp_path / "expected"):
        expected = read_volume(mask).array
        got = read_volume(tmp_path / "masks" / f"{mask.stem}_0000.png").array
        assert set(np.unique(expected)) == {0, RIM, CORE}
        assert np.mean(got != expected) < 0.005


def targets(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["_target_"]} if "_target_" in value else set()
        return own.union(*map(targets, value.values()))
    return set().union(*map(targets, value)) if isinstance(value, list) else set()


def test_a_bundle_names_only_classes_of_monai_and_segtopo(exported: Path) -> None:
    config = json.loads((exported / "bundle" / "configs" / "inference.json").read_text(encoding="utf-8"))
    found = targets(config)
    assert "monai.networks.nets.UNet" in found
    assert all("." not in target or target.startswith(("monai.", "segtopo.")) for target in found)
    metadata = json.loads((exported / "bundle" / "configs" / "metadata.json").read_text(encoding="utf-8"))
    assert metadata["network_data_format"]["outputs"]["pred"]["channel_def"] == {"0": "background", "1": "bar"}


def test_the_model_card_has_data_figures_versions_and_config(exported: Path, checkpoint: Path) -> None:
    card = (exported / "MODEL_CARD.md").read_text(encoding="utf-8")
    dice = Checkpoint.load(checkpoint).history[-1]["val_dice"]
    for text in (
        "for each of 2 classes: background, bar.",
        "not for diagnosis",
        "split: fraction 0.25",
        f"| dice | {dice:.4g} |",
        f"torch {torch.__version__}",
    ):
        assert text in card
    assert "normalization:\n    name: ZScore" in card
    assert (exported / "bundle" / "docs" / "README.md").read_text(encoding="utf-8") == card


def test_a_network_that_changes_is_not_exported(checkpoint: Path) -> None:
    model = ExportedModel.load(checkpoint)
    with pytest.raises(ExportError, match=r"model.x: got probabilities that differ by .*, expected at most 0.0001"):
        model.check("model.x", lambda images: model.network(images) * 1.01)
    with pytest.raises(ExportError):
        model.check("model.x", lambda images: model.network(images) * float("nan"))


def test_a_full_folder_and_another_file_are_refused(tmp_path: Path, checkpoint: Path) -> None:
    (tmp_path / "other.pt").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match="expected a checkpoint"):
        export(tmp_path / "other.pt", tmp_path / "out")
    with pytest.raises(InputError, match="expected a new or empty folder"):
        export(checkpoint, checkpoint.parents[1])
