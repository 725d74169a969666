"""DiagramDistanceLoss: distance of a prediction's persistence diagrams from given ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch

from segtopo.errors import InputError, mismatch
from segtopo.losses.options import AtLeastOne, ClassWeight, Probability
from segtopo.losses.persistence_loss import PriorLoss
from segtopo.losses.superlevel import gather, superlevel_barcodes
from segtopo.matching import bottleneck_distance, wasserstein_distance

Distance: TypeAlias = Literal["wasserstein", "bottleneck"]


@dataclass(eq=False, repr=False, kw_only=True)
class DiagramDistanceLoss(PriorLoss):
    r"""Squared distance of the prediction's superlevel diagrams from the target's, or from prescribed ones.

    .. math:: \sum_k w_k \, \mathrm{dist}(D_k, D_k^*)^2

    over the dimensions ``k``. The Wasserstein distance sums over all bars and moves all of them. The bottleneck
    distance is the largest displacement of the best matching, and moves that one bar. Both compare values, not
    locations: two diagrams can agree although the images' features lie at different places. For training on labels,
    :class:`BettiMatchingLoss` knows the locations. Prescribed diagrams need no target.

    The essential component is a bar like the others: a one-component target against an empty prediction is the bar
    (1, 0) against the diagonal.

    All other options, and the errors, are those of :class:`~segtopo.losses.persistence_loss.PersistenceLoss`.
    Bars of the prediction up to ``min_persistence`` are left out.

    Args:
        distance: ``"wasserstein"`` or ``"bottleneck"``.
        order: Order of the Wasserstein distance, at least 1.
        internal_p: The norm in the plane of births and deaths, at least 1, for the Wasserstein distance;
            ``float("inf")`` is the maximum norm, which the bottleneck distance always has.
        diagrams: The prescribed diagrams, one for each of ``dimensions``: a list of bars ``(birth, death)`` with
            1 >= birth >= death >= 0. None: those of the target.

    References:
        D. Cohen-Steiner, H. Edelsbrunner, J. Harer, Y. Mileyko: Lipschitz Functions Have L_p-Stable Persistence.
        Foundations of Computational Mathematics 10, 2010.

    Example:
        >>> import torch
        >>> prediction = torch.tensor([[[[0.9, 0.2, 0.8, 0.1, 0.6]]]])
        >>> one_component = DiagramDistanceLoss(dimensions=[0], diagrams=[[(1.0, 0.0)]])
        >>> round(one_component(prediction).item(), 3)  # 0.1^2, and to the diagonal half of 0.6^2 and of 0.5^2
        0.315
        >>> furthest = DiagramDistanceLoss(distance="bottleneck", dimensions=[0], diagrams=[[(1.0, 0.0)]])
        >>> round(furthest(prediction).item(), 3)  # (0.6 / 2)^2
        0.09
    """

    distance: Distance = "wasserstein"
    order: AtLeastOne = 2.0
    internal_p: AtLeastOne = 2.0
    diagrams: Sequence[Sequence[tuple[Probability, Probability]]] | None = None

    def __post_init__(self, weight: ClassWeight) -> None:
        super().__post_init__(weight)
        for number, bars in enumerate(self.diagrams or ()):
            if any(birth < death for birth, death in bars):
                expected = "bars (birth, death) with 1 >= birth >= death >= 0"
                raise InputError(mismatch(f"diagrams[{number}]", got=list(bars), expected=expected))

    def image_losses(self, prediction: torch.Tensor, target: torch.Tensor | None) -> torch.Tensor:
        """Computes the losses ``(N,)`` of images ``(N, *spatial)``; without ``diagrams`` the targets are needed."""
        dimensions = self.dimensions_of(prediction)
        goals = self._goals(prediction, target, dimensions.compared)
        bars = superlevel_barcodes(prediction, self.construction, self.num_threads)
        bars = bars.select(bars.lengths > self.min_persistence)
        points, weights = torch.stack(gather(bars, prediction), dim=1), dimensions.weights()
        losses = [
            torch.stack([float(weights[k]) * self._squared(points[bars.of(i, k)], goal[k]) for k in goal]).sum()
            for i, goal in enumerate(goals)
        ]
        return torch.stack(losses).to(prediction)

    def _squared(self, diagram: torch.Tensor, goal: torch.Tensor) -> torch.Tensor:
        if self.distance == "bottleneck":
            return bottleneck_distance(diagram, goal) ** 2
        return wasserstein_distance(diagram, goal, order=self.order, internal_p=self.internal_p) ** 2

    def _goals(
        self, prediction: torch.Tensor, target: torch.Tensor | None, dimensions: Sequence[int]
    ) -> list[dict[int, torch.Tensor]]:
        """Returns for each image the diagrams, by dimension, that it should have."""
        if self.diagrams is not None:
            if len(self.diagrams) != len(dimensions):
                expected = f"one for each of the dimensions {list(dimensions)}"
                raise InputError(mismatch("diagrams", got=f"{len(self.diagrams)} diagrams", expected=expected))
            diagrams = [torch.tensor(bars, dtype=torch.float64).reshape(-1, 2) for bars in self.diagrams]
            return [dict(zip(dimensions, diagrams, strict=True))] * len(prediction)
        if target is None:
            raise InputError(mismatch("target", got="None without diagrams", expected="a target, or diagrams"))
        bars = superlevel_barcodes(target, self.construction, self.num_threads)
        points = torch.stack(gather(bars, target), dim=1)
        return [{k: points[bars.of(i, k)] for k in dimensions} for i in range(len(prediction))]
