"""Regions that overlap: their targets, losses, label maps and scores against plain NumPy and torch."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from oracles.tiny_regions import CORE, REGIONS, load_region_config, make_region_cases
from segtopo.config.output_channels import OutputChannels
from segtopo.training.epoch_rows import Scores
from segtopo.training.validation import score

OVERLAPPING = {"kidney": (1, 2, 3), "masses": (2, 3), "tumor": (2,)}
NESTED = {"whole": (1, 2, 5), "core": (2, 5)}
CROSSING = {"left": (1, 3), "right": (2, 3), "spot": (7,)}
EXAMPLES = [(OVERLAPPING, (1, 3, 2)), (NESTED, (1, 2)), (CROSSING, (1, 2, 7))]


def channels_of(regions: dict[str, tuple[int, ...]], painted: tuple[int, ...], ignored: bool = True) -> OutputChannels:
    highest = max(label for labels in regions.values() for label in labels)
    return OutputChannels(tuple(regions.values()), painted, highest + 1 if ignored else None, tuple(regions))


def random_labels(channels: OutputChannels, shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    values = sorted({0, channels.highest + 1, *(label for labels in channels.of_channels for label in labels)})
    return torch.from_numpy(np.random.default_rng(seed).choice(values, (2, 1, *shape)))


@pytest.mark.parametrize(("regions", "painted"), EXAMPLES)
@pytest.mark.parametrize("shape", [(6, 9), (4, 3, 5)])
def test_the_target_of_a_loss_is_the_mask_of_each_region(
    regions: dict[str, tuple[int, ...]], painted: tuple[int, ...], shape: tuple[int, ...]
) -> None:
    channels = channels_of(regions, painted)
    labels = random_labels(channels, shape)
    logits = torch.randn(2, len(regions), *shape)
    outputs, target = channels.for_loss(logits, labels)
    assert (channels.number, channels.ignore_index) == (len(regions), 2)
    assert outputs.shape == target.shape == (2 * len(regions), 1, *shape)
    for item in range(2):
        for number, values in enumerate(regions.values()):
            found = target[item * len(regions) + number, 0].numpy()
            drawn = labels[item, 0].numpy()
            expected = np.select([drawn == channels.highest + 1, sum(drawn == v for v in values) > 0], [2, 1], 0)
            assert np.array_equal(found, expected)
            assert torch.equal(outputs[item * len(regions) + number, 0], logits[item, number])


@pytest.mark.parametrize("stacked", [True, False])
def test_all_outputs_of_deep_supervision_are_split(stacked: bool) -> None:
    channels = channels_of(NESTED, (1, 2))
    labels = random_labels(channels, (6, 8))
    levels = [torch.randn(2, 2, 6, 8), torch.randn(2, 2, 6, 8)]
    outputs, target = channels.for_loss(torch.stack(levels, dim=1) if stacked else levels, labels)
    found = list(outputs.unbind(dim=1)) if stacked else outputs
    for level, output in zip(levels, found, strict=True):
        assert torch.equal(output, channels.for_loss(level, labels)[0])
    assert torch.equal(target, channels.for_loss(levels[0], labels)[1])


@pytest.mark.parametrize("name", ["DynUNet", "SegResNetDS"])
def test_deeply_supervised_networks_learn_from_regions(name: str, tmp_path: Path) -> None:
    levels = "channels: [4, 8, 8], " if name == "DynUNet" else "init_filters: 8, blocks_down: [1, 1, 1], "
    config = load_region_config(
        make_region_cases(tmp_path),
        f"network={{name: {name}, {levels}deep_supervision: true}}",
        "loss={name: CombinedTopologyLoss, topology_loss: {name: TopoLoss}}",
    )
    channels = config.data.output_channels
    network = config.network.build(2, 1, channels.number)
    outputs, target = channels.for_loss(network(torch.randn(2, 1, 16, 12)), random_labels(channels, (16, 12)))
    config.build_loss()(outputs, target).backward()
    gradients = [weight.grad for weight in network.parameters() if weight.grad is not None]
    assert gradients
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize(("regions", "painted"), EXAMPLES)
def test_label_maps_are_painted_in_order_where_a_region_is_above_a_half(
    regions: dict[str, tuple[int, ...]], painted: tuple[int, ...]
) -> None:
    channels = channels_of(regions, painted)
    logits = 2 * torch.randn(2, len(regions), 7, 5, generator=torch.Generator().manual_seed(0))
    logits[:, :, 0] = 0.0  # exactly a half is outside
    foreground = channels.probabilities(logits)
    expected = np.zeros((2, 7, 5), int)
    for number, label in enumerate(painted):
        expected[1 / (1 + np.exp(-logits[:, number].double().numpy())) > 0.5] = label
    assert np.array_equal(channels.label_map(foreground).numpy(), expected)
    assert not expected[:, 0].any()


@pytest.mark.parametrize(("regions", "painted"), EXAMPLES)
def test_label_maps_and_the_number_of_channels_are_those_of_nnunet(
    regions: dict[str, tuple[int, ...]], painted: tuple[int, ...]
) -> None:
    pytest.importorskip("nnunetv2", reason="the extra nnunet is not installed")
    from nnunetv2.utilities.label_handling.label_handling import LabelManager

    manager = LabelManager({"background": 0, **{name: list(of) for name, of in regions.items()}}, list(painted))
    channels = channels_of(regions, painted, ignored=False)
    logits = 2 * torch.randn(1, len(regions), 6, 5, 4, generator=torch.Generator().manual_seed(1))
    expected = manager.convert_logits_to_segmentation(logits[0])
    assert torch.equal(channels.label_map(channels.probabilities(logits))[0].int(), expected.int())
    assert manager.num_segmentation_heads == channels.number
    assert [tuple(region) for region in manager.foreground_regions] == list(channels.of_channels)


def test_the_loss_is_the_mean_of_dice_and_binary_cross_entropy_of_each_region(tmp_path: Path) -> None:
    config = load_region_config(make_region_cases(tmp_path))
    channels = config.data.output_channels
    labels = random_labels(channels, (8, 6))
    logits = torch.randn(2, 2, 8, 6, requires_grad=True)
    loss = config.build_loss()(*channels.for_loss(logits, labels))
    decided = (labels[:, 0] <= CORE)[:, None].expand(2, 2, 8, 6)
    masks = torch.stack([torch.isin(labels[:, 0], torch.tensor(of)) for of in REGIONS.values()], dim=1).double()
    p = torch.sigmoid(logits.double()) * decided
    overlap = 2 * (p * masks).sum(dim=(2, 3)) / (p + masks * decided).sum(dim=(2, 3))
    cross_entropy = F.binary_cross_entropy_with_logits(logits.double()[decided], masks[decided])
    assert loss.item() == pytest.approx((1 - overlap).mean().item() + cross_entropy.item(), rel=1e-4)
    loss.backward()
    assert logits.grad is not None
    assert not logits.grad[~decided].any()


@pytest.mark.parametrize("name", ["TopoLoss", "SoftclDiceLoss", "BettiMatchingLoss", "SkeletonRecallLoss"])
def test_a_topological_loss_compares_each_region_alone(name: str, tmp_path: Path) -> None:
    loss = f"loss={{name: CombinedTopologyLoss, lambda_topology: 1, topology_loss: {{name: {name}}}}}"
    config = load_region_config(make_region_cases(tmp_path), loss)
    channels = config.data.output_channels
    logits, labels = torch.randn(2, 2, 12, 16), random_labels(channels, (12, 16))
    whole = config.build_loss()
    outputs, target = channels.for_loss(logits, labels)
    whole(outputs, target)
    module = getattr(__import__("segtopo").losses, name)(sigmoid=True, ignore_index=2)
    alone = torch.stack([module(outputs[item : item + 1], target[item : item + 1]) for item in range(4)]).mean()
    assert whole.components["topology"].item() == pytest.approx(alone.item(), rel=1e-4)


def test_scores_are_means_over_the_regions_and_skip_ignored_voxels() -> None:
    channels = channels_of(NESTED, (1, 2))
    label = torch.zeros(1, 12, 9, dtype=torch.uint8)
    label[:, 2:7, 1:8], label[:, 4, 2:7], label[:, 9:] = 1, 2, 6
    prediction = label.clone()
    prediction[:, 4, 4] = 1  # the core is broken, the whole region is not
    prediction[:, 10, 2] = 5
    found = score(prediction, label, channels)
    assert found.dice == pytest.approx((1 + 2 * 4 / 9) / 2)
    assert found.betti_errors == (0.5, 0.0)
    assert found.structures["whole"] == Scores(1.0, (0.0, 0.0))
    assert found.structures["core"].betti_errors == (1.0, 0.0)
