"""The rows of the table that every loss is held against: losses with options, and inputs of every layout."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import nn

from segtopo.losses import (
    BettiMatchingLoss,
    BettiPriorLoss,
    CombinedTopologyLoss,
    DeepSupervisionLoss,
    DiagramDistanceLoss,
    LoopLossH1,
    SkeletonRecallLoss,
    SoftclDiceLoss,
    TopoLoss,
    TotalPersistenceLoss,
)
from segtopo.losses.persistence_loss import PersistenceLoss, PriorLoss

MakeLoss: TypeAlias = Callable[..., nn.Module]


class TwoOutputs(DeepSupervisionLoss):
    """Deep supervision of an input and of every second of its voxels."""

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        coarse = input[(..., *[slice(None, None, 2)] * (input.ndim - 2))]
        return super().forward([input, coarse], target)


def combined_with_betti_matching(**options: Any) -> CombinedTopologyLoss:
    return CombinedTopologyLoss(topology_loss=BettiMatchingLoss(), lambda_topology=0.5, **options)


def deep_supervision(**options: Any) -> TwoOutputs:
    return TwoOutputs(combined_with_betti_matching(**options), topology_scale=0.5)


PRIORS = [{"classes": [1], "betti_numbers": [2, 1]}, {"classes": [1, 2], "betti_numbers": [1, 0]}]

# The losses of one output: all share the conventions of MONAI's DiceLoss.
LOSSES: list[type[nn.Module]] = [
    TopoLoss,
    BettiMatchingLoss,
    DiagramDistanceLoss,
    TotalPersistenceLoss,
    BettiPriorLoss,
    LoopLossH1,
    SkeletonRecallLoss,
    SoftclDiceLoss,
    CombinedTopologyLoss,
]
PERSISTENCE_LOSSES = [loss for loss in LOSSES if issubclass(loss, PersistenceLoss)]
PRIOR_LOSSES = [loss for loss in LOSSES if issubclass(loss, PriorLoss)]

# Each loss as it comes, and with options that lead elsewhere in its code.
ROWS: dict[str, MakeLoss] = {
    **{loss.__name__: loss for loss in LOSSES},
    # A weight by the gradients depends on the calls before, and on the whole batch.
    "CombinedTopologyLoss": partial(CombinedTopologyLoss, lambda_topology=0.01),
    "TopoLoss, cheapest matching": partial(TopoLoss, match_all=False),
    "TopoLoss, patches": partial(TopoLoss, patch_size=3),
    "TopoLoss, long bars": partial(TopoLoss, min_persistence=0.2),
    "BettiMatchingLoss, extremes": partial(BettiMatchingLoss, push_unmatched_to="extremes"),
    "BettiMatchingLoss, long bars": partial(BettiMatchingLoss, min_persistence=0.2),
    "BettiMatchingLoss, sparse": partial(BettiMatchingLoss, threshold=0.6),
    "BettiMatchingLoss, no essential": partial(BettiMatchingLoss, essential=False, matched_weight=3.0),
    "DiagramDistanceLoss, bottleneck": partial(DiagramDistanceLoss, distance="bottleneck"),
    "DiagramDistanceLoss, first order": partial(DiagramDistanceLoss, order=1.0, internal_p=3.0),
    "DiagramDistanceLoss, prescribed": partial(
        DiagramDistanceLoss, dimensions=[0, 1], diagrams=[[(1.0, 0.0), (0.9, 0.2)], [(0.8, 0.1)]]
    ),
    "TotalPersistenceLoss, one longer": partial(TotalPersistenceLoss, p=1.5, longest=1, longest_weight=-1.0),
    "TotalPersistenceLoss, root": partial(TotalPersistenceLoss, p=0.5, longest=1, longest_weight=0.5),
    "BettiPriorLoss, classes together": partial(BettiPriorLoss, priors=PRIORS, dimensions=[0, 1]),
    "BettiPriorLoss, root": partial(BettiPriorLoss, p=0.5),
    "LoopLossH1, two loops": partial(LoopLossH1, loops=2, birth_weight=0.5, penalty_weight=0.3),
    "SkeletonRecallLoss, given skeletons": partial(SkeletonRecallLoss, skeletonize=False),
    "CombinedTopologyLoss, Betti matching": combined_with_betti_matching,
    "DeepSupervisionLoss": deep_supervision,
}


def loss_class(make: MakeLoss) -> type[nn.Module]:
    """What a row makes."""
    return type(make())


class Layout(NamedTuple):
    """The shape of a batch, and the options that go with it."""

    spatial: tuple[int, ...]
    options: dict[str, Any]

    def pair(self, batch: int = 2, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits in float64, far from ties, and the target: labels of three classes or three masks."""
        generator = torch.Generator().manual_seed(seed)
        shape = (batch, 3, *self.spatial)
        values = torch.randperm(torch.Size(shape).numel(), generator=generator).reshape(shape)
        logits = torch.logit((values + 0.5) / values.numel(), eps=None).double()
        channels = (1, 3) if self.options.get("to_onehot_y") else (3, 2)
        target = torch.randint(0, channels[1], (batch, channels[0], *self.spatial), generator=generator)
        return logits.requires_grad_(), target


CLASSES = {"softmax": True, "to_onehot_y": True}
FOREGROUND = {**CLASSES, "include_background": False}
LAYOUTS = {
    "2D classes": Layout((5, 6), CLASSES),
    "3D classes": Layout((3, 4, 5), FOREGROUND),
    "2D masks": Layout((6, 5), {"sigmoid": True}),
    "3D masks": Layout((4, 3, 5), {"other_act": torch.sigmoid}),
}


def value_and_gradient(
    loss: Callable[..., torch.Tensor], input: torch.Tensor, target: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """What a loss gives for a copy of an input that is a leaf, strides included; sums of unreduced values."""
    leaf = input.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    value = loss(leaf, target)
    return value.detach(), torch.autograd.grad(value.sum(), leaf)[0]
