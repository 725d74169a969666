"""Deeply supervised networks of MONAI, and the loss stanza of Auto3DSeg, with losses of segtopo."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from monai.bundle import ConfigParser
from monai.data import DataLoader, Dataset, MetaTensor
from monai.engines import SupervisedTrainer
from monai.losses import DeepSupervisionLoss as MonaiDeepSupervisionLoss
from monai.losses import DiceCELoss
from monai.networks.nets import BasicUNetPlusPlus, DynUNet, MedNeXt, SegResNetDS
from torch import nn

from segtopo.errors import InputError
from segtopo.losses import BettiMatchingLoss, CombinedTopologyLoss, DeepSupervisionLoss

OPTIONS: dict[str, Any] = {"softmax": True, "to_onehot_y": True}
#: Divisible by 16, of different lengths.
SPATIAL = {2: (32, 48), 3: (16, 16, 32)}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads of torch cost more than they bring for images of this size."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def dyn_unet(ndim: int) -> nn.Module:
    sizes: dict[str, Any] = {
        "kernel_size": [3] * 4,
        "strides": [1, 2, 2, 2],
        "upsample_kernel_size": [2] * 3,
        "filters": [4] * 4,
    }
    return DynUNet(ndim, 1, 3, **sizes, deep_supervision=True, deep_supr_num=2)


def segresnet_ds(ndim: int) -> nn.Module:
    return SegResNetDS(ndim, init_filters=4, out_channels=3, norm="instance", blocks_down=(1, 1, 1), dsdepth=2)


def mednext(ndim: int) -> nn.Module:
    blocks = (1, 1, 1, 1)
    return MedNeXt(
        ndim,
        init_filters=2,
        out_channels=3,
        blocks_down=blocks,
        blocks_bottleneck=1,
        blocks_up=blocks,
        deep_supervision=True,
    )


def unet_plus_plus(ndim: int) -> nn.Module:
    return BasicUNetPlusPlus(ndim, out_channels=3, features=(2,) * 6, deep_supervision=True)


class NamedOutputs(nn.Module):
    """A network whose outputs have names, the coarse ones first."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        return {f"level {level}": output for level, output in reversed(list(enumerate(self.network(image))))}


NETWORKS = {
    "DynUNet": (dyn_unet, 3, torch.Tensor),
    "SegResNetDS": (segresnet_ds, 2, list),
    "MedNeXt": (mednext, 5, tuple),
    "BasicUNetPlusPlus": (unet_plus_plus, 4, list),
    "named outputs": (lambda ndim: NamedOutputs(segresnet_ds(ndim)), 2, dict),
}


def image_and_label(ndim: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(2, 1, *SPATIAL[ndim], generator=generator)
    return image, (3 * image).long()


def finest_first(outputs: Any) -> list[torch.Tensor]:
    if isinstance(outputs, dict):
        return [outputs[key] for key in sorted(outputs)]
    return list(outputs.unbind(1) if isinstance(outputs, torch.Tensor) else outputs)


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize(("make", "levels", "kind"), NETWORKS.values(), ids=NETWORKS)
def test_networks_of_monai_in_training(make: Any, levels: int, kind: type, ndim: int) -> None:
    torch.manual_seed(0)
    network, (image, label) = make(ndim).train(), image_and_label(ndim)
    combined = CombinedTopologyLoss(**OPTIONS, topology_loss=BettiMatchingLoss(num_threads=1), lambda_topology=0.1)
    outputs = network(image)
    assert isinstance(outputs, kind)
    listed = finest_first(outputs)
    assert len(listed) == levels
    expected = torch.zeros(())
    for level, output in enumerate(listed):
        nearest = F.interpolate(label.float(), size=output.shape[2:], mode="nearest-exact")
        is_finest = output.shape == listed[0].shape and (level == 0 or kind is not torch.Tensor)
        loss = combined if is_finest else combined.without_topology
        expected = expected + 0.5**level * loss(output, nearest)
    loss_function = DeepSupervisionLoss(combined)
    found = loss_function(outputs, label)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(loss_function(outputs, MetaTensor(label)), expected)
    found.backward()
    assert all(parameter.grad is not None for parameter in network.parameters() if parameter.requires_grad)


@pytest.mark.parametrize("name", ["DynUNet", "SegResNetDS", "MedNeXt"])
def test_networks_of_monai_in_evaluation(name: str) -> None:
    network, (image, label) = NETWORKS[name][0](2).eval(), image_and_label(2)
    loss = CombinedTopologyLoss(**OPTIONS)
    torch.testing.assert_close(DeepSupervisionLoss(loss)(network(image), label), loss(network(image), label))


def test_an_engine_trains_a_network_with_stacked_outputs() -> None:
    torch.manual_seed(0)
    image, label = image_and_label(2)
    cases = [{"image": MetaTensor(x), "label": MetaTensor(y)} for x, y in zip(image, label, strict=True)]
    network, losses = dyn_unet(2), []
    trainer = SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=3,
        train_data_loader=DataLoader(Dataset(cases), batch_size=2),
        network=network,
        optimizer=torch.optim.Adam(network.parameters(), 0.01),
        loss_function=DeepSupervisionLoss(DiceCELoss(**OPTIONS), BettiMatchingLoss(**OPTIONS)),
        decollate=False,
    )
    trainer.add_event_handler("ITERATION_COMPLETED", lambda engine: losses.append(engine.state.output["loss"].item()))
    trainer.run()
    assert losses[-1] < losses[0]


def test_targets_of_named_outputs() -> None:
    _, label = image_and_label(2)
    outputs = {"coarse": torch.rand(2, 3, 16, 24), "fine": torch.rand(2, 3, 32, 48)}
    targets = {"fine": label, "coarse": F.interpolate(label.float(), size=(16, 24), mode="nearest-exact")}
    loss = DeepSupervisionLoss(CombinedTopologyLoss(**OPTIONS), weights=[2.0, 3.0])
    torch.testing.assert_close(loss(outputs, targets), loss([outputs["fine"], outputs["coarse"]], label))
    torch.testing.assert_close(loss(outputs, targets), loss(outputs, label))
    with pytest.raises(
        InputError, match=r"target: got the keys \['fine'\], expected those of input: \['fine', 'coarse'\]"
    ):
        loss(outputs, {"fine": label})
    with pytest.raises(InputError, match="target: got a dictionary, expected a tensor or a list"):
        loss([outputs["fine"]], {"fine": label})


def test_the_coarsest_output_first_is_noticed() -> None:
    _, label = image_and_label(2)
    with pytest.raises(
        InputError, match=r"input: got outputs of the shapes \[\(16, 24\), \(32, 48\)\], expected the finest"
    ):
        DeepSupervisionLoss(CombinedTopologyLoss(**OPTIONS))(
            [torch.rand(2, 3, 16, 24), torch.rand(2, 3, 32, 48)], label
        )


def auto3dseg(target: str, sigmoid: bool, **others: Any) -> Any:
    """The loss of Auto3DSeg's ``hyper_parameters.yaml``, with another target."""
    stanza = {
        "_target_": target,
        "include_background": True,
        "squared_pred": True,
        "smooth_nr": 0,
        "smooth_dr": 1.0e-05,
        "softmax": "$not @sigmoid",
        "sigmoid": "$@sigmoid",
        "to_onehot_y": "$not @sigmoid",
    }
    return ConfigParser({"loss": {**stanza, **others}, "sigmoid": sigmoid}).get_parsed_content("loss")


@pytest.mark.parametrize("sigmoid", [False, True])
def test_the_loss_of_auto3dseg_with_another_target(sigmoid: bool) -> None:
    torch.manual_seed(0)
    image, label = image_and_label(3)
    if sigmoid:
        label = torch.cat([label >= 1, label >= 2, label >= 0], dim=1)
    outputs = segresnet_ds(3)(image)
    loss = auto3dseg("segtopo.losses.CombinedTopologyLoss", sigmoid)
    plain = auto3dseg("DiceCELoss", sigmoid)
    assert isinstance(plain, DiceCELoss)
    for output, target in ((outputs[0], label), (outputs[1], label[..., ::2, ::2, ::2])):
        expected = plain(output, target.float())
        torch.testing.assert_close(loss.without_topology(output, target), expected)
        value = loss(output, target)
        topology, weight = (loss.components[name] for name in ("topology", "topology_weight"))
        assert topology > 0
        assert weight > 0
        torch.testing.assert_close(value, expected + weight * topology)
    # Its trainer wraps the loss in this one.
    assert MonaiDeepSupervisionLoss(loss)(outputs, label.float()) > MonaiDeepSupervisionLoss(plain)(
        outputs, label.float()
    )


def test_the_loss_of_auto3dseg_with_the_betti_matching() -> None:
    _, label = image_and_label(3)
    topology = {"_target_": "segtopo.losses.BettiMatchingLoss", "threshold": 0.8}
    loss = auto3dseg("segtopo.losses.CombinedTopologyLoss", False, topology_loss=topology, lambda_topology=0.05)
    logits = torch.randn(2, 3, *SPATIAL[3], generator=torch.Generator().manual_seed(1))
    own = BettiMatchingLoss(**OPTIONS, threshold=0.8)(logits, label)
    torch.testing.assert_close(loss(logits, label), loss.without_topology(logits, label) + 0.05 * own)


@pytest.mark.parametrize("name", ["BettiMatchingLoss", "TopoLoss", "SkeletonRecallLoss", "SoftclDiceLoss"])
def test_options_of_dice_are_no_options_of_a_topological_loss(name: str) -> None:
    with pytest.raises(RuntimeError, match=f"segtopo.losses.{name}") as caught:
        auto3dseg(f"segtopo.losses.{name}", False)
    assert "unexpected keyword argument 'squared_pred'" in str(caught.value.__cause__)
