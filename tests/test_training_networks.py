"""The networks, losses, transforms, optimisers and schedules that a config can choose."""

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter

from segtopo.config import deep_networks
from segtopo.config.losses import LossConfig
from segtopo.config.networks import Network
from segtopo.config.optimizers import OptimizerConfig, Schedule
from segtopo.config.preprocessing import Normalization
from segtopo.config.transforms import Transform, build_transforms
from segtopo.losses import DeepSupervisionLoss

NETWORKS = [
    {"name": "UNet", "channels": [4, 8, 16]},
    {"name": "UNet", "channels": [4, 8, 16], "num_res_units": 0, "norm": "batch"},
    {"name": "DynUNet", "channels": [4, 8, 16]},
    {"name": "SegResNet", "init_filters": 8, "blocks_down": [1, 1, 1], "blocks_up": [1, 1]},
    {"name": "AttentionUnet", "channels": [4, 8, 16]},
    {"name": "ResidualEncoderUNet", "channels": [4, 8, 16], "kernel_size": 5},
    {"name": "ResidualEncoderUNet", "channels": [4, 8, 16], "blocks": [1, 1, 2], "norm": "batch"},
    {"name": "SegResNetDS", "init_filters": 4, "blocks_down": [1, 1, 1]},
    {"name": "SwinUNETR", "feature_size": 12, "depths": [1, 1, 1, 1], "window_size": 2},
]
TRANSFORMS = [
    "RandFlip",
    "RandRotate90",
    "RandAffine",
    "RandZoom",
    "RandGaussianNoise",
    "RandGaussianSmooth",
    "RandScaleIntensity",
    "RandShiftIntensity",
    "RandAdjustContrast",
    "RandBreakVessels",
    "RandGridDistortion",
    "RandSimulateLowResolution",
]


DEEP_NETWORKS = [
    {"name": "DynUNet", "channels": (4, 8, 16, 16), "norm": "batch"},
    {"name": "ResidualEncoderUNet", "channels": (4, 8, 16, 16), "blocks": (1, 1, 1, 1)},
    {"name": "SegResNetDS", "init_filters": 4, "blocks_down": (1, 1, 1, 1)},
]


def name_of(options: dict[str, object]) -> str:
    return "-".join(map(str, options.values()))[:24]


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("options", NETWORKS, ids=name_of)
def test_networks_give_logits_of_all_classes(options: dict[str, object], dimensions: int) -> None:
    config = TypeAdapter(Network).validate_python(options, strict=False)
    config.check(dimensions)
    factors = config.reduction(dimensions)
    assert factors == (32 if options["name"] == "SwinUNETR" else 4,) * dimensions
    patch = [factor * times for factor, times in zip(factors, (2, 1, 1), strict=False)]
    logits = config.build(dimensions, 2, 3)(torch.randn(2, 2, *patch))
    assert logits.shape == (2, 3, *patch)
    logits.sum().backward()


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("options", DEEP_NETWORKS, ids=name_of)
def test_a_deeply_supervised_network_trains_all_outputs_and_predicts_the_finest(
    options: dict[str, object], dimensions: int
) -> None:
    config = TypeAdapter(Network).validate_python({**options, "deep_supervision": True})
    patch = (32, 16, 16)[:dimensions]
    images, labels = torch.randn(2, 1, *patch), torch.zeros(2, 1, *patch)
    labels[:, :, 3:9, 4:8] = 1
    network = config.build(dimensions, 1, 2)
    outputs = network(images)
    outputs = list(outputs.unbind(dim=1)) if isinstance(outputs, torch.Tensor) else outputs
    assert len(outputs) >= 2
    assert outputs[0].shape == (2, 2, *patch)
    combined = TypeAdapter(LossConfig).validate_python({"name": "CombinedTopologyLoss"}).build()
    loss = DeepSupervisionLoss(combined)(network(images), labels)
    loss.backward()
    assert all(weight.grad is not None for weight in network.parameters())
    network.eval()
    with torch.no_grad():
        finest = network(images)
        assert finest.shape == (2, 2, *patch)
        assert network.train().eval()(images).equal(finest)


@pytest.mark.parametrize("options", DEEP_NETWORKS, ids=name_of)
def test_without_deep_supervision_no_weight_is_left_without_a_gradient(options: dict[str, object]) -> None:
    network = TypeAdapter(Network).validate_python(options).build(2, 1, 2)
    output = network(torch.randn(2, 1, 16, 32))
    assert output.shape == (2, 2, 16, 32)
    output.sum().backward()
    assert all(weight.grad is not None for weight in network.parameters() if weight.requires_grad)


@pytest.mark.parametrize("name", ["UNet", "DynUNet", "AttentionUnet", "ResidualEncoderUNet"])
def test_strides_can_differ_between_axes(name: str) -> None:
    options = {"name": name, "channels": (4, 8, 16), "strides": ((2, 2, 1), 2)}
    config = TypeAdapter(Network).validate_python(options, strict=False)
    assert config.reduction(3) == (4, 4, 2)
    assert config.build(3, 1, 2)(torch.randn(1, 1, 16, 8, 6)).shape == (1, 2, 16, 8, 6)


@pytest.mark.parametrize("name", ["DynUNet", "ResidualEncoderUNet"])
def test_kernels_can_differ_between_axes_and_levels(name: str) -> None:
    def shapes(kernel_size: object) -> list[tuple[int, ...]]:
        options = {"name": name, "channels": (4, 8, 16), "kernel_size": kernel_size}
        config = TypeAdapter(Network).validate_python(options)
        config.check(3)
        network = config.build(3, 1, 2)
        convolutions = [module for module in network.modules() if isinstance(module, torch.nn.Conv3d)]
        return [tuple(module.kernel_size) for module in convolutions]

    flat, full = (1, 3, 3), (3, 3, 3)
    assert set(shapes(3)) - {(1, 1, 1)} == {full}
    assert set(shapes(flat)) - {(1, 1, 1)} == {flat}
    assert set(shapes((flat, full, full))) - {(1, 1, 1)} == {flat, full}


def test_segresnetds_reduces_long_voxels_later() -> None:
    config = TypeAdapter(Network).validate_python(
        {"name": "SegResNetDS", "init_filters": 4, "blocks_down": (1, 1, 1), "resolution": (4.0, 1.0, 1.0)}
    )
    assert config.reduction(3) == (1, 4, 4)
    assert config.build(3, 1, 2)(torch.randn(1, 1, 3, 8, 16)).shape == (1, 2, 3, 8, 16)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"name": "DynUNet", "kernel_size": ((3, 3), (3, 3))}, "kernel_size: got 2 kernels, expected .*4"),
        ({"name": "ResidualEncoderUNet", "kernel_size": (3, 3, 3)}, r"kernel_size: got \[3, 3, 3\], expected .* 2 "),
        ({"name": "ResidualEncoderUNet", "blocks": (1, 1)}, "blocks: got 2 numbers, expected .*4"),
        ({"name": "SegResNetDS", "resolution": (1.0, 1.0, 1.0)}, "resolution: got .*, expected 2 numbers"),
    ],
    ids=str,
)
def test_values_for_another_number_of_axes_or_levels_are_named(options: dict[str, object], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        TypeAdapter(Network).validate_python(options).check(2)


def test_a_network_whose_extra_is_missing_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deep_networks, "find_spec", lambda name: None)
    config = TypeAdapter(Network).validate_python({"name": "ResidualEncoderUNet"})
    with pytest.raises(ValueError, match=r'name: got ResidualEncoderUNet .*, expected .* "segtopo\[nnunet\]"'):
        config.check(2)


@pytest.mark.parametrize(
    "options",
    [
        {"name": "UNet", "channels": (1, 1), "strides": (5,), "num_res_units": 0},
        {"name": "DynUNet", "channels": (3, 2, 1), "strides": (2, 1), "kernel_size": 1},
        {"name": "DynUNet", "channels": (1, 1, 1), "strides": ((10, 1), 1), "kernel_size": (9, 1)},
        {"name": "AttentionUnet", "channels": (2, 2), "strides": (5,)},
        {"name": "SegResNet", "init_filters": 8, "blocks_down": (1, 1), "blocks_up": (1,), "dropout": 1.0},
    ],
    ids=lambda options: str(options["name"]),
)
def test_networks_at_the_limits_of_their_config_can_be_built(options: dict[str, object]) -> None:
    config = TypeAdapter(Network).validate_python(options)
    config.check(2)
    assert config.build(2, 1, 2)(torch.randn(2, 1, 40, 20)).shape == (2, 2, 40, 20)


@pytest.mark.parametrize("shape", [(12, 9), (10, 9, 8)], ids=["2D", "3D"])
@pytest.mark.parametrize(
    "options",
    [
        {"name": "DiceCELoss"},
        {"name": "CombinedTopologyLoss", "topology_loss": {"name": "TopoLoss"}, "lambda_topology": 0.1},
        {"name": "CombinedTopologyLoss", "topology_loss": {"name": "BettiMatchingLoss", "threshold": 0.8}},
    ],
    ids=["DiceCELoss", "TopoLoss", "BettiMatchingLoss"],
)
def test_losses_prefer_the_truth(options: dict[str, object], shape: tuple[int, ...]) -> None:
    loss = TypeAdapter(LossConfig).validate_python(options).build()
    labels = torch.zeros(2, 1, *shape, dtype=torch.int64)
    labels[:, :, 3:6, 2:7] = 1
    right = torch.cat([1 - labels, labels], dim=1) * 12.0 - 6.0
    assert loss(right, labels) < 0.02
    assert loss(-right, labels) > 1


def test_the_topology_is_weighted_by_the_epoch() -> None:
    options = {
        "name": "CombinedTopologyLoss",
        "topology_loss": {"name": "TopoLoss"},
        "lambda_topology": 0.01,
        "schedule": {"start_epoch": 2, "ramp_epochs": 1},
    }
    config = TypeAdapter(LossConfig).validate_python(options)
    loss = config.build()
    logits, labels = torch.randn(1, 2, 12, 9), torch.ones(1, 1, 12, 9, dtype=torch.int64)
    for epoch, weight in [(1, 0.0), (2, 0.005), (3, 0.01)]:
        loss.set_epoch(epoch)
        total, parts = loss(logits, labels).item(), loss.components
        expected = parts["dice"] + parts["cross_entropy"] + weight * parts.get("topology", 0.0)
        assert total == pytest.approx(expected.item())


@pytest.mark.parametrize("patch", [(16, 16), (16, 16, 8)], ids=["2D", "3D"])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms_change_patches_but_not_their_shape(name: str, patch: tuple[int, ...]) -> None:
    config = TypeAdapter(Transform).validate_python({"name": name, "prob": 1.0})
    transform = build_transforms([config], len(patch))
    image = np.random.default_rng(0).normal(size=(1, *patch)).astype(np.float32)
    label = np.zeros(image.shape, np.uint8)
    label[(slice(None), slice(7, 9), slice(None), slice(3, 5))[: label.ndim]] = 1  # a thin structure
    results = []
    for seed in (1, 1, 2):
        transform.set_random_state(seed=seed)
        results.append(transform({"image": image.copy(), "label": label.copy()}))
    first, same, _ = results
    assert first["image"].shape == first["label"].shape == (1, *patch)
    assert torch.equal(torch.as_tensor(first["image"]), torch.as_tensor(same["image"]))
    assert set(np.unique(first["label"])) <= {0, 1}
    assert any(not np.array_equal(result["image"], image) for result in results)


@pytest.mark.parametrize("name", ["AdamW", "Adam", "SGD"])
def test_optimisers_descend(name: str) -> None:
    weight = torch.nn.Parameter(torch.tensor([3.0]))
    optimizer = TypeAdapter(OptimizerConfig).validate_python({"name": name}).build([weight])
    (weight**2).sum().backward()
    optimizer.step()
    assert weight.item() < 3


@pytest.mark.parametrize(
    ("options", "factors"),
    [
        ({"name": "Constant"}, [1, 1, 1, 1]),
        ({"name": "Constant", "warmup_epochs": 1}, [1 / 3, 2 / 3, 1, 1]),
        ({"name": "Cosine"}, [1, (1 + 0.5**0.5) / 2, 0.5, (1 - 0.5**0.5) / 2]),
        ({"name": "Poly", "power": 2.0}, [1, 9 / 16, 1 / 4, 1 / 16]),
    ],
)
def test_schedules_over_two_epochs_of_two_iterations(options: dict[str, object], factors: list[float]) -> None:
    schedule = TypeAdapter(Schedule).validate_python(options)
    assert [schedule.factor(iteration, 2, 2) for iteration in range(4)] == pytest.approx(factors)
    # A training may be resumed with fewer epochs than it has done.
    assert schedule.factor(9, 2, 2) == pytest.approx(1 if options["name"] == "Constant" else 0)


@pytest.mark.parametrize(
    ("options", "low", "high"),
    [
        ({"name": "Range", "range": (-10.0, 30.0)}, 0, 1),
        ({"name": "Percentiles"}, 0, 1),
        ({"name": "ZScore"}, -8, 8),
        ({"name": "LocalContrast", "sigma": 5.0}, -8, 8),
    ],
    ids=lambda options: str(options["name"]) if isinstance(options, dict) else "",
)
def test_normalisations_bring_images_to_one_scale(options: dict[str, object], low: float, high: float) -> None:
    normalization = TypeAdapter(Normalization).validate_python(options)
    image = np.random.default_rng(0).normal(10, 4, (40, 31)).astype(np.float32)
    result = normalization.apply(image)
    assert result.shape == image.shape
    assert low <= result.min() < result.max() <= high
    assert np.isfinite(normalization.apply(np.full((9, 7), 3.0, np.float32))).all()
    if options["name"] in ("ZScore", "LocalContrast"):
        assert abs(result.mean()) < 0.1
        assert result.std() == pytest.approx(1, abs=0.1)
        assert np.allclose(normalization.apply(3 * image + 50), result, atol=1e-2)
