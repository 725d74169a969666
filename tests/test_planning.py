"""``segtopo plan``: configs that fit a data set and train as they are."""

import json
import re
from collections.abc import Sequence
from io import StringIO
from math import prod
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from rich.console import Console

from oracles.tiny_training import AFFINE, make_cases
from segtopo.cli import run
from segtopo.config import TrainingConfig, load_config
from segtopo.config.networks import DynUNet
from segtopo.errors import InputError
from segtopo.planning import plan
from segtopo.planning.architecture import BYTES_PER_CHANNEL, Machine, plan_architecture
from segtopo.planning.subjects import subject_pattern
from segtopo.training import train
from segtopo.volumes import Volume, write_volume


def planned(data: Path, **options: float) -> TrainingConfig:
    """The config of a plan, read from a file as ``segtopo train`` does."""
    path = data.with_suffix(".yaml")
    path.write_text(plan(data, **options).config, encoding="utf-8")
    return load_config(path)


def write_cases(data: Path, images: Sequence[np.ndarray], labels: Sequence[np.ndarray], affine: np.ndarray) -> Path:
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        like = Volume(np.zeros(label.shape), affine)
        write_volume(data / "images" / f"case_{number}.nii.gz", image, like)
        write_volume(data / "labels" / f"case_{number}.nii.gz", label.astype(np.uint8), like)
    return data


def ball(shape: tuple[int, ...], radius: float) -> np.ndarray:
    centre = (np.array(shape) - 1) / 2
    return np.linalg.norm(np.moveaxis(np.indices(shape), 0, -1) - centre, axis=-1) < radius


@pytest.mark.parametrize("shape", [(40, 33), (24, 21, 18)])
def test_a_plan_trains_as_it_is(tmp_path: Path, shape: tuple[int, ...]) -> None:
    data = make_cases(tmp_path / "bars", shape)
    planned(data)
    overrides = ["epochs=1", "iterations_per_epoch=2", "workers=0", "device=cpu", f"out={tmp_path / 'out'}"]
    result = train(data.with_suffix(".yaml"), overrides, console=Console(file=StringIO()))
    assert result.best is not None


def test_the_page_says_the_data_and_a_reason_for_each_choice(tmp_path: Path) -> None:
    text = plan(make_cases(tmp_path / "bars", (40, 33))).config
    lines = text.splitlines()
    assert len(lines) < 60
    assert max(len(line) for line in lines if str(tmp_path) not in line) <= 120
    assert f"# 4 cases in 2D, 40 x 33 pixels (median) of {0.7071:.4g} x {0.8062:.4g} mm, 1 channel, 2 classes." in lines
    assert any(line.startswith("# Class 1: ") and "1 connected piece in a case" in line for line in lines)
    for key in ("spacing", "normalization", "foreground_fraction", "patch_size", "epochs", "channels", "strides"):
        assert any(line.split("#")[0].strip().startswith(f"{key}:") and "  # " in line for line in lines), key


def test_the_lines_for_the_topology_are_a_config(tmp_path: Path) -> None:
    data = make_cases(tmp_path / "bars", (40, 33))
    page = plan(data).config
    (tmp_path / "planned.yaml").write_text(page, encoding="utf-8")
    block = page[page.index("# base: planned.yaml") :]
    (tmp_path / "second.yaml").write_text(
        "\n".join(line.removeprefix("# ") for line in block.splitlines()), encoding="utf-8"
    )
    config = load_config(tmp_path / "second.yaml")
    assert config.loss.name == "CombinedTopologyLoss"
    assert config.initialize_from == Path("runs/bars/best.pt")
    assert config.network == load_config(tmp_path / "planned.yaml").network


@pytest.mark.parametrize("gigabytes", [None, 2, 11, 80])
@pytest.mark.parametrize(
    ("shape", "spacing"),
    [
        ((960, 999), (1, 1)),
        ((11, 7), (0.1, 0.3)),
        ((512, 512, 300), (0.7, 0.7, 0.7)),
        ((320, 300, 20), (0.6, 0.6, 4.0)),
        ((30, 250, 200), (3.0, 0.5, 0.5)),
        ((8, 9, 5), (1, 1, 1)),
        ((200, 40, 9), (1, 1, 1)),
    ],
)
def test_networks_fit_patches_and_memory(
    shape: tuple[int, ...], spacing: tuple[float, ...], gigabytes: float | None
) -> None:
    machine = Machine.with_memory(gigabytes)
    found = plan_architecture(shape, spacing, 40.0 * prod(shape), machine)
    reduction = [prod(steps) for steps in zip(*found.strides, strict=True)]
    assert all(size % factor == 0 for size, factor in zip(found.patch_size, reduction, strict=True))
    assert list(found.patch_size) != reduction
    assert len(found.channels) == len(found.kernels) == len(found.strides) + 1 >= 3
    voxels = np.array([prod(found.patch_size), *(np.prod(s) for s in found.strides)], float)
    voxels = voxels[0] / np.cumprod([1, *voxels[1:]])
    used = found.batch_size * BYTES_PER_CHANNEL * float(voxels @ found.channels)
    assert used <= machine.memory
    # The network is as deep as the patch allows.
    assert max(np.divide(found.patch_size, reduction)) <= 8 or len(found.channels) == 6


def test_thick_slices_are_neither_filtered_nor_halved_first() -> None:
    found = plan_architecture((320, 320, 20), (0.8, 0.8, 4.0), 1e8, Machine.with_memory(11))
    assert found.kernels[:3] == ((3, 3, 1), (3, 3, 1), (3, 3, 3))
    assert found.strides[:3] == ((2, 2, 1), (2, 2, 1), (2, 2, 2))
    assert found.patch_size[2] >= 16


def test_the_memory_is_that_of_the_tensors_of_a_training() -> None:
    """An oracle: the tensors that autograd keeps are two thirds of the estimate; the rest is in use."""
    found = plan_architecture((64, 48, 40), (1, 1, 1), 1e9, Machine(6e7, 8))
    config = {"name": "DynUNet", "channels": found.channels, "strides": found.strides, "kernel_size": found.kernels}
    network = DynUNet(**config).build(3, 1, 2)  # type: ignore[arg-type]
    weights = {weight.untyped_storage().data_ptr() for weight in network.parameters()}
    kept: dict[int, tuple[int, torch.Tensor]] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = (storage.nbytes(), tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        network(torch.zeros(1, 1, *found.patch_size))
    measured = sum(size for pointer, (size, _) in kept.items() if pointer not in weights)
    voxels = prod(found.patch_size)
    estimate = 0.0
    for step, width in zip([(1, 1, 1), *found.strides], found.channels, strict=True):
        voxels //= prod(step)
        estimate += BYTES_PER_CHANNEL * voxels * width
    assert 0.55 < measured / estimate < 0.8


def test_volumes_of_one_slice_are_2d(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    labels = [ball((40, 1, 30), 8.0) for _ in range(3)]
    data = write_cases(tmp_path / "flat", [random.normal(label).astype(np.float32) for label in labels], labels, AFFINE)
    config = planned(data)
    assert config.dimensions == 2
    assert config.patch_size[0] > config.patch_size[1]
    overrides = ["epochs=1", "iterations_per_epoch=1", "workers=0", "device=cpu", f"out={tmp_path / 'out'}"]
    train(data.with_suffix(".yaml"), overrides, console=Console(file=StringIO()))


def test_the_window_of_a_ct_is_that_of_the_structures(tmp_path: Path) -> None:
    label = ball((24, 22, 20), 5.0)
    images = [np.where(label, 300 + number, np.where(ball(label.shape, 9.0), 40, -1000)) for number in range(2)]
    data = write_cases(tmp_path / "ct", [image.astype(np.int16) for image in images], [label] * 2, np.eye(4))
    normalization = planned(data).data.normalization
    assert normalization.name == "Range"
    assert normalization.range == pytest.approx((40, 301))


def test_photographs_are_green_and_volumes_without_scale_are_standardised(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for name in ("01L", "01R", "02L"):
        colours = random.integers(0, 255, (3, 100, 120)).astype(np.uint8)
        write_volume(tmp_path / "eyes" / "images" / f"Image_{name}.png", colours, Volume(colours[0]))
        write_volume(tmp_path / "eyes" / "labels" / f"Image_{name}.png", ball((100, 120), 20.0))
    data = planned(tmp_path / "eyes").data
    assert (data.channels, data.normalization.name, data.normalization.sigma) == ((1,), "LocalContrast", 2.0)
    assert data.split is not None
    assert data.split.group == subject_pattern(["Image_01L", "Image_01R", "Image_02L"])
    assert planned(make_cases(tmp_path / "bars", (24, 21, 18))).data.normalization.name == "ZScore"


def test_mixed_spacings_get_numbers(tmp_path: Path) -> None:
    for number, (spacing, shape) in enumerate([((1, 1, 5), (60, 64, 8)), ((0.5, 0.5, 2), (120, 128, 18))] * 2):
        like = Volume(np.zeros(shape), np.diag([*spacing, 1.0]))
        write_volume(tmp_path / "mixed" / "images" / f"{number}.nii.gz", np.ones(shape, np.float32), like)
        write_volume(tmp_path / "mixed" / "labels" / f"{number}.nii.gz", ball(shape, 4.0), like)
    config = planned(tmp_path / "mixed")
    assert config.data.spacing == pytest.approx((0.75, 0.75, 2.0))
    assert config.network.kernels(3)[0] == (3, 3, 1)  # type: ignore[union-attr]


def test_labels_that_are_undecided_are_no_class(tmp_path: Path) -> None:
    label = ball((30, 28), 9.0) * 2 + ball((30, 28), 4.0)
    label[label == 3] = 1
    data = write_cases(tmp_path / "undecided", [np.ones((30, 28), np.float32)] * 3, [label] * 3, np.eye(4))
    (data / "images").rename(data / "imagesTr")
    (data / "labels").rename(data / "labelsTr")
    for path in (data / "imagesTr").iterdir():
        path.rename(path.with_name(path.name.replace(".nii.gz", "_0000.nii.gz")))
    content = {"labels": {"background": 0, "disc": 1, "ignore": 2}, "numTraining": 3, "file_ending": ".nii.gz"}
    (data / "dataset.json").write_text(json.dumps(content | {"channel_names": {"0": "CT"}}), encoding="utf-8")
    config = planned(data)
    assert (config.data.classes, config.data.ignore_label) == (2, 2)
    assert config.data.normalization.name == "Range"


def test_each_label_is_a_class(tmp_path: Path) -> None:
    labels = ball((30, 28), 9.0).astype(np.uint8) + ball((30, 28), 4.0)
    data = write_cases(tmp_path / "rings", [np.ones((30, 28), np.float32)] * 2, [labels] * 2, np.eye(4))
    assert planned(data).data.classes == 3
    lines = plan(data).config.splitlines()
    assert sum(line.startswith(("# Class 1: ", "# Class 2: ")) for line in lines) == 2


def test_a_table_of_cases_is_planned(tmp_path: Path) -> None:
    data = make_cases(tmp_path / "bars", (40, 33))
    rows = [f"bars/images/case_{n}.nii.gz,bars/labels/case_{n}.nii.gz,subject{n // 2}" for n in range(4)]
    (tmp_path / "cases.csv").write_text("\n".join(["image,label,group", *rows]), encoding="utf-8")
    config = planned(tmp_path / "cases.csv")
    assert config.data.table == tmp_path / "cases.csv"
    assert config.patch_size == planned(data).patch_size
    assert config.data.split is not None
    assert config.data.split.group is None


@pytest.mark.parametrize(
    ("names", "together"),
    [
        (["Image_01L", "Image_01R", "Image_02L"], [{"Image_01L", "Image_01R"}, {"Image_02L"}]),
        (["sub-1_run-1", "sub-1_run-2", "sub-2_run-1"], [{"sub-1_run-1", "sub-1_run-2"}, {"sub-2_run-1"}]),
        (["case1_airways_00", "case1_airways_01", "case2_airways_00"], [{"case1_airways_00", "case1_airways_01"}]),
        (["vessels_00", "vessels_01", "vessels_02"], None),
        (["siteA_1", "siteA_2", "siteB_1"], None),
        (["2023_001", "2023_002"], None),
    ],
)
def test_images_of_one_subject_are_found(names: list[str], together: list[set[str]] | None) -> None:
    pattern = subject_pattern(names)
    assert (pattern is None) == (together is None)
    for group in together or []:
        subjects = {match.group(1) for name in group if pattern and (match := re.search(pattern, name))}
        assert len(subjects) == 1


def refusal(data: Path) -> str:
    with pytest.raises(InputError) as caught:
        plan(data)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_data_that_cannot_be_planned_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "empty: got none of them, expected a dataset.json" in refusal(tmp_path / "empty")
    nothing, image = np.zeros((20, 18), bool), np.ones((20, 18), np.float32)
    data = write_cases(tmp_path / "nothing", [image], [nothing], np.eye(4))
    assert "got labels without any structure" in refusal(data)
    gaps = np.zeros((20, 18), np.uint8)
    gaps[3:6], gaps[9:12] = 100, 200
    data = write_cases(tmp_path / "gaps", [image], [gaps], np.eye(4))
    assert "got the labels 100, 200, expected labels 1, 2" in refusal(data)


def test_the_command_prints_the_config_and_one_line_about_the_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = make_cases(tmp_path / "bars", (40, 33))
    assert run(["plan", str(data), "--memory", "8"]) == 0
    out, err = capsys.readouterr()
    assert yaml.safe_load(out)["patch_size"] == [40, 32]
    assert err.splitlines()[-1].startswith("found: 4 cases in 2D, 40 x 33 pixels")
    assert run(["plan", str(data), "--memory", "0"]) == 2
    assert run(["plan", str(tmp_path / "nowhere")]) == 2
    assert "nowhere: got no such file or folder" in capsys.readouterr().err
