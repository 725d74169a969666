"""The loss of nnU-Net's trainers: nnU-Net's own loss to the last bit, and the topology of the finest output."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

pytest.importorskip("nnunetv2", reason="the extra nnunet is not installed")

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from oracles.tiny_nnunet import CORE, PATCHES, TUBE, UNDECIDED, label_map, make_trainer
from segtopo.integrations.nnunet import nnUNetTrainerBettiMatching
from segtopo.integrations.nnunet.betti_errors import BettiErrors, best_epoch
from segtopo.integrations.nnunet.foreground import Foreground
from segtopo.losses import BettiMatchingLoss
from segtopo.masks import betti_numbers

DATASETS = [
    pytest.param(ndim, regions, ignore, id=f"{ndim}D{' regions' * regions}{' ignore' * ignore}")
    for ndim, regions, ignore in product((2, 3), (False, True), (False, True))
]


@pytest.fixture(autouse=True)
def nnunet_folders(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("raw", "preprocessed", "results"):
        monkeypatch.setenv(f"nnUNet_{name}", str(tmp_path / name))
    monkeypatch.setenv("segtopo_nnunet", "{num_epochs: 10, start_epoch: 0, ramp_epochs: 0, lambda_topology: 0.5}")


def labels_of(ndim: int, ignore: bool) -> torch.Tensor:
    rng = np.random.default_rng(1)
    maps = np.stack([label_map(rng, ndim, ignore) for _ in range(2)])
    return torch.from_numpy(maps.reshape(2, 1, *PATCHES[ndim]))


def target_of(labels: torch.Tensor, regions: bool, ignore: bool) -> torch.Tensor:
    """What nnU-Net's transforms make of labels."""
    if not regions:
        return labels
    channels = [(labels == TUBE) | (labels == CORE), labels == CORE, *[labels == UNDECIDED] * ignore]
    return torch.cat(channels, dim=1)


def batch(ndim: int, regions: bool, ignore: bool, scales: int) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """The outputs of a network and the targets at several scales, the finest first."""
    torch.manual_seed(0)
    outputs, targets = [], []
    labels = labels_of(ndim, ignore)
    for level in range(scales):
        part = labels[(..., *[slice(None, None, 2**level)] * ndim)]
        targets.append(target_of(part, regions, ignore))
        outputs.append(torch.randn(2, 2 if regions else 3, *part.shape[2:], requires_grad=True))
    return outputs, targets


def expected_topology(output: torch.Tensor, labels: torch.Tensor, regions: bool) -> float:
    """The mean loss of the images, made without the conventions of the losses."""
    valid = labels[:, 0] != UNDECIDED
    if regions:
        maps = [(1 / (1 + torch.exp(-output[:, 0])), (labels[:, 0] == TUBE) | (labels[:, 0] == CORE))]
        maps.append((1 / (1 + torch.exp(-output[:, 1])), labels[:, 0] == CORE))
    else:
        total = torch.exp(output).sum(dim=1)
        maps = [(torch.exp(output[:, label]) / total, labels[:, 0] == label) for label in (TUBE, CORE)]
    loss = BettiMatchingLoss(threshold=0.8)
    values = [
        loss((probability * valid)[item][None, None], (mask & valid)[item][None, None].float())
        for probability, mask in maps
        for item in range(2)
    ]
    return float(sum(values) / len(values))


@pytest.mark.parametrize("scales", [3, 1], ids=["deep supervision", "one output"])
@pytest.mark.parametrize(("ndim", "regions", "ignore"), DATASETS)
def test_the_loss_is_nnunets_and_the_topology_of_the_finest_output(
    ndim: int, regions: bool, ignore: bool, scales: int
) -> None:
    trainers = [
        make_trainer(kind, ndim, regions=regions, ignore=ignore) for kind in (nnUNetTrainerBettiMatching, nnUNetTrainer)
    ]
    for trainer in trainers:
        trainer.enable_deep_supervision = scales > 1
    loss, nnunets = (trainer._build_loss() for trainer in trainers)
    outputs, targets = batch(ndim, regions, ignore, scales)
    arguments = (outputs[0], targets[0]) if scales == 1 else (outputs, targets)
    value = loss(*arguments)
    assert loss.components["overlap"] == nnunets(*arguments).detach()
    expected = expected_topology(outputs[0].detach(), labels_of(ndim, ignore), regions)
    assert loss.components["topology"].item() == pytest.approx(expected, rel=1e-5)
    assert value.item() == pytest.approx(nnunets(*arguments).item() + 0.5 * expected, rel=1e-5)


def test_before_its_first_epoch_the_topology_is_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("segtopo_nnunet", "{num_epochs: 10, start_epoch: 2, ramp_epochs: 1, lambda_topology: 0.5}")
    loss = make_trainer(nnUNetTrainerBettiMatching)._build_loss()
    outputs, targets = batch(2, False, False, 3)
    values, weights = [], []
    for epoch in range(4):
        loss.set_epoch(epoch)
        values.append(loss(outputs, targets).item())
        weights.append(loss.weighting.value)
        assert ("topology" in loss.components) == (epoch >= 2)
    overlap, topology = loss.components["overlap"].item(), loss.components["topology"].item()
    assert weights == [0, 0, 0.25, 0.5]
    np.testing.assert_allclose(values, overlap + np.array(weights) * topology, rtol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_the_topology_has_its_ratio_to_the_gradient_of_the_finest_logits(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("segtopo_nnunet", "{num_epochs: 10, start_epoch: 0, ramp_epochs: 0, gradient_ratio: 0.5}")
    loss = make_trainer(nnUNetTrainerBettiMatching)._build_loss()
    outputs, targets = batch(2, False, False, 3)
    outputs = [output.detach().to(dtype).requires_grad_() for output in outputs]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        values = loss(outputs, targets), loss.overlap_loss(outputs, targets)
    scale = 2.0**12  # that of a GradScaler
    whole, overlap = (torch.autograd.grad(value * scale, outputs[0], retain_graph=True)[0].double() for value in values)
    tolerance = 1e-4 if dtype == torch.float32 else 0.05
    assert (whole - overlap).norm() / overlap.norm() == pytest.approx(0.5, rel=tolerance)


def test_coarse_outputs_have_no_topology() -> None:
    loss = make_trainer(nnUNetTrainerBettiMatching)._build_loss()
    outputs, targets = batch(2, False, False, 3)
    loss(outputs, targets)
    before = loss.components["topology"]
    loss([outputs[0], -outputs[1], -outputs[2]], [targets[0], 1 - targets[1] // 2, targets[2]])
    assert loss.components["topology"] == before


@pytest.mark.parametrize("regions", [False, True], ids=["classes", "regions"])
def test_ignored_voxels_have_no_gradient_of_the_topology(regions: bool) -> None:
    output, target = (tensors[0] for tensors in batch(2, regions, True, 1))
    prediction, encoded = Foreground(regions, UNDECIDED).channels(output, target)
    BettiMatchingLoss()(prediction, encoded).backward()
    ignored = labels_of(2, ignore=True) == UNDECIDED
    gradient = output.grad.abs().sum(dim=1, keepdim=True)
    assert gradient[ignored].max() == 0
    assert gradient[~ignored].max() > 0


def test_half_precision_has_the_loss_of_single_precision() -> None:
    loss = make_trainer(nnUNetTrainerBettiMatching, regions=True, ignore=True)._build_loss()
    outputs, targets = batch(2, True, True, 3)
    coarse = [output.detach().bfloat16() for output in outputs]
    loss([output.float() for output in coarse], targets)
    whole = loss.components["topology"]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss(coarse, targets)
    assert loss.components["topology"] == whole


@pytest.mark.parametrize(("ndim", "regions", "ignore"), DATASETS)
def test_betti_errors_are_those_of_the_masks_that_nnunet_predicts(ndim: int, regions: bool, ignore: bool) -> None:
    output, target = (tensors[0] for tensors in batch(ndim, regions, ignore, 1))
    labels = labels_of(ndim, ignore)
    foreground = Foreground(regions, UNDECIDED if ignore else None)
    errors = BettiErrors(foreground)
    errors.add(*foreground.channels(output.detach(), target))
    valid = (labels != UNDECIDED).numpy()[:, 0]
    decided = output.detach().numpy()
    predicted = decided > 0 if regions else np.stack([decided.argmax(axis=1) == k for k in (TUBE, CORE)], axis=1)
    true = target_of(labels, True, False).numpy() if regions else np.concatenate([labels == k for k in (TUBE, CORE)], 1)
    for channel in range(2):
        expected = np.zeros(ndim)
        for item in range(2):
            numbers = [betti_numbers(masks[item, channel] & valid[item]) for masks in (predicted, true)]
            expected += np.abs(np.subtract(*numbers))
        np.testing.assert_array_equal(errors.sums[channel], expected)
    assert errors.patches == 2


def test_the_mean_error_of_two_processes_counts_their_patches() -> None:
    mean = BettiErrors.mean([(np.array([[4.0, 0.0]]), 1), (np.array([[0.0, 3.0]]), 3)])
    np.testing.assert_array_equal(mean, [[1, 0.75]])


@pytest.mark.parametrize(
    ("dice", "errors", "best"),
    [
        pytest.param([0.5, 0.5, 0.5], [3, 1, 5], 1, id="the least error"),
        pytest.param([0.0, 0.8, 0.81], [0, 9, 9], 1, id="an empty prediction has no errors but no Dice either"),
        pytest.param([0.8, 0.9], [1, 9], 1, id="Dice far below the best does not count"),
        pytest.param([0.9, 0.88], [9, 0], 0, id="nor does a later one"),
        pytest.param([0.9, 0.895], [9, 0], 1, id="close to the best is enough"),
        pytest.param([np.nan, 0.2], [1, 9], 1, id="Dice without foreground"),
        pytest.param([0.5] * 14, [9, *[2] * 12, 1], 13, id="the window forgets the start"),
        pytest.param([0.5], [3], 0, id="the first epoch"),
    ],
)
def test_the_best_epoch(dice: list[float], errors: list[float], best: int) -> None:
    assert best_epoch(dice, errors, tolerance=0.01) == best
