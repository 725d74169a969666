"""Cost of a training step of nnU-Net's default network, and the share that each topological loss adds to it.

The step is forward pass, loss, backward pass and optimiser of the network that nnU-Net plans for 3D patches, with Dice,
cross entropy and deep supervision. A topology is computed on probabilities like those of a trained network: smooth maps
of vessels. The network here is not trained. So the losses are timed from logits made of these maps, with the
measurement of the gradients (TopologyWeight) and the backward pass to the logits.

On the CPU one core is used, and the times are those of the processor: other programs hardly change them. On a GPU they
are those of the clock, in nnU-Net's mixed precision.

    python scripts/bench/nnunet_step.py --size 128 --batch 2 --steps 1
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from statistics import median
from typing import Any

import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet
from inputs import maps_and_labels
from nnunetv2.training.loss.compound_losses import DC_and_CE_loss
from nnunetv2.training.loss.deep_supervision import DeepSupervisionWrapper
from nnunetv2.training.loss.dice import MemoryEfficientSoftDiceLoss
from timing import argument_parser, print_table, use_cores, write_json
from torch import nn

from segtopo import losses
from segtopo.integrations.nnunet.foreground import Foreground
from segtopo.integrations.nnunet.topology_loss import LossWithTopology

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
CORES = 1
STAGES = 6
FOREGROUND = Foreground(has_regions=False, ignore_label=None)
TOPOLOGY: dict[str, nn.Module] = {
    "TopoLoss()": losses.TopoLoss(),
    "BettiMatchingLoss()": losses.BettiMatchingLoss(),
    "BettiMatchingLoss(threshold=0.8)": losses.BettiMatchingLoss(threshold=0.8),
    "SkeletonRecallLoss()": losses.SkeletonRecallLoss(),
    "SoftclDiceLoss()": losses.SoftclDiceLoss(),
}
Outputs = list[torch.Tensor]


def default_network() -> nn.Module:
    """Returns the network that nnU-Net plans for patches of 128 voxels cubed, with two classes."""
    network: nn.Module = PlainConvUNet(
        input_channels=1,
        n_stages=STAGES,
        features_per_stage=[32, 64, 128, 256, 320, 320],
        conv_op=nn.Conv3d,
        kernel_sizes=3,
        strides=[1, 2, 2, 2, 2, 2],
        n_conv_per_stage=2,
        num_classes=2,
        n_conv_per_stage_decoder=2,
        conv_bias=True,
        norm_op=nn.InstanceNorm3d,
        norm_op_kwargs={"eps": 1e-5, "affine": True},
        nonlin=nn.LeakyReLU,
        nonlin_kwargs={"inplace": True},
        deep_supervision=True,
    )
    return network.to(DEVICE)


def overlap_loss() -> nn.Module:
    """Returns the loss of nnU-Net for classes, with its weights of deep supervision."""
    weights = [0.5**level for level in range(STAGES - 2)] + [0.0]
    dice = {"batch_dice": False, "smooth": 1e-5, "do_bg": False, "ddp": False}
    loss = DC_and_CE_loss(dice, {}, weight_ce=1, weight_dice=1, dice_class=MemoryEfficientSoftDiceLoss)
    return DeepSupervisionWrapper(loss, [weight / sum(weights) for weight in weights])


def logits_and_labels(size: int, batch: int) -> tuple[Outputs, Outputs]:
    """Returns the outputs of a trained network at all scales, the finest first, and the labels."""
    maps, labels = (torch.from_numpy(values)[:, None] for values in maps_and_labels((size,) * 3, batch))
    foreground = torch.logit(maps, eps=1e-6)
    logits = torch.cat([torch.zeros_like(foreground), foreground], dim=1)
    scales = [(..., *[slice(None, None, 2**level)] * 3) for level in range(STAGES - 1)]
    outputs = [logits[scale].contiguous().to(DEVICE).requires_grad_() for scale in scales]
    return outputs, [labels[scale].contiguous().to(DEVICE) for scale in scales]


def mixed_precision() -> AbstractContextManager[Any]:
    return torch.autocast(DEVICE.type, enabled=DEVICE.type == "cuda")


def network_step(
    network: nn.Module, optimizer: torch.optim.Optimizer, loss: nn.Module, image: torch.Tensor, targets: Outputs
) -> None:
    """Makes a step as nnU-Net's trainer does."""
    optimizer.zero_grad(set_to_none=True)
    with mixed_precision():
        value = loss(network(image), targets)
    value.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 12)
    optimizer.step()


def loss_step(loss: nn.Module, outputs: Outputs, targets: Outputs) -> None:
    """Computes a loss and its gradient at the logits."""
    with mixed_precision():
        value = loss(outputs, targets)
    torch.autograd.grad(value, outputs, allow_unused=True)


def seconds(run: Callable[[], None], rounds: int) -> float:
    """Returns the median time of some runs."""
    clock = time.perf_counter if DEVICE.type == "cuda" else time.process_time
    times = []
    for _ in range(rounds):
        _wait()
        start = clock()
        run()
        _wait()
        times.append(clock() - start)
    return median(times)


def _wait() -> None:
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def main() -> None:
    parser = argument_parser(__doc__, rounds=5, files="nnunet_step.json")
    parser.add_argument("--steps", type=int, default=3, help="timed steps of the network (default: 3)")
    parser.add_argument("--size", type=int, default=128, help="edge of the patch in voxels, a multiple of 32")
    parser.add_argument("--batch", type=int, default=2, help="patches in a batch")
    arguments = parser.parse_args()
    if DEVICE.type == "cpu":
        use_cores(CORES)
    torch.manual_seed(0)
    outputs, targets = logits_and_labels(arguments.size, arguments.batch)
    network, overlap = default_network(), overlap_loss()
    optimizer = torch.optim.SGD(network.parameters(), 1e-2, momentum=0.99, nesterov=True, weight_decay=3e-5)
    image = torch.randn(targets[0].shape, device=DEVICE)
    step = seconds(partial(network_step, network, optimizer, overlap, image, targets), arguments.steps)
    del network, optimizer
    alone = seconds(partial(loss_step, overlap, outputs, targets), arguments.rounds)
    added = {"DC_and_CE_loss (in the step)": 0.0}
    for title, topology in TOPOLOGY.items():
        whole = LossWithTopology(overlap, topology, FOREGROUND, losses.TopologyWeight())
        added[title] = seconds(partial(loss_step, whole, outputs, targets), arguments.rounds) - alone
    print(f"{DEVICE.type}, {arguments.batch} x {arguments.size}^3: step {step:.2f} s, of which its loss {alone:.2f} s")
    print_table(
        ["loss", ">seconds added", ">% of the step"],
        [(title, f"{extra:.3f}", f"{100 * extra / step:.1f}") for title, extra in added.items()],
    )
    write_json(arguments.out / "nnunet_step.json", {"step": step, "loss": alone, "added": added})


if __name__ == "__main__":
    main()
