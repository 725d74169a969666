"""The networks, losses, transforms, optimisers and schedules that a config can choose."""

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter

from segtopo.config.losses import LossConfig
from segtopo.config.networks import Network
from segtopo.config.optimizers import OptimizerConfig, Schedule
from segtopo.config.preprocessing import Normalization
from segtopo.config.transforms import Transform, build_transforms

NETWORKS = [
    {"name": "UNet", "channels": [4, 8, 16]},
    {"name": "UNet", "channels": [4, 8, 16], "num_res_units": 0, "norm": "batch"},
    {"name": "DynUNet", "channels": [4, 8, 16]},
    {"name": "SegResNet", "init_filters": 8, "blocks_down": [1, 1, 1], "blocks_up": [1, 1]},
    {"name": "AttentionUnet", "channels": [4, 8, 16]},
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


@pytest.mark.parametrize("patch", [(16, 12), (16, 12, 8)], ids=["2D", "3D"])
@pytest.mark.parametrize("options", NETWORKS, ids=lambda options: "-".join(map(str, options.values()))[:24])
def test_networks_give_logits_of_all_classes(options: dict[str, object], patch: tuple[int, ...]) -> None:
    config = TypeAdapter(Network).validate_python(options, strict=False)
    assert config.reduction(len(patch)) == (4,) * len(patch)
    logits = config.build(len(patch), 2, 3)(torch.randn(2, 2, *patch))
    assert logits.shape == (2, 3, *patch)
    logits.sum().backward()


@pytest.mark.parametrize("name", ["UNet", "DynUNet", "AttentionUnet"])
def test_strides_can_differ_between_axes(name: str) -> None:
    options = {"name": name, "channels": (4, 8, 16), "strides": ((2, 2, 1), 2)}
    config = TypeAdapter(Network).validate_python(options, strict=False)
    assert config.reduction(3) == (4, 4, 2)
    assert config.build(3, 1, 2)(torch.randn(1, 1, 16, 8, 6)).shape == (1, 2, 16, 8, 6)


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
