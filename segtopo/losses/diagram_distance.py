"""DiagramDistanceLoss: how far a prediction's persistence diagrams are from those that it should have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias, get_args

import torch
from monai.utils import LossReduction

from segtopo.errors import InputError
from segtopo.losses.channel_loss import ClassWeight
from segtopo.losses.persistence_loss import PriorLoss
from segtopo.losses.superlevel import gather, superlevel_barcodes
from segtopo.matching import bottleneck_distance, wasserstein_distance
from segtopo.persistence import Construction

Distance: TypeAlias = Literal["wasserstein", "bottleneck"]


class DiagramDistanceLoss(PriorLoss):
    r"""Squared distance of the prediction's superlevel diagrams from the target's, or from prescribed ones.

    .. math:: \sum_k w_k \, \mathrm{dist}(D_k, D_k^*)^2

    over the dimensions ``k``. The Wasserstein distance sums over all bars and moves all; the bottleneck distance is the
    largest displacement that cannot be avoided, and moves the one bar that has it. Both ask for the bars' values and
    not for their places: two diagrams can agree where no feature of one image is at the place of the other's. For
    training on labels, :class:`BettiMatchingLoss` knows places. Diagrams that are known beforehand need no target.

    The component that never dies is given death 0 and is a bar like the others: a one-component target against an
    empty prediction is the bar (1, 0) against the diagonal.

    The distances themselves, between any two diagrams, are :func:`segtopo.matching.wasserstein_distance` and
    :func:`segtopo.matching.bottleneck_distance`: a loss of point clouds, graphs or latent spaces is one line with them.

    Args:
        include_background: If False, channel 0 is left out.
        to_onehot_y: Whether to turn a ``(B, 1, H, W[, D])`` label map into one channel per class of the
            input.
        sigmoid: Whether to apply a sigmoid to the input.
        softmax: Whether to apply a softmax over the channels of the input.
        other_act: Another activation to apply to the input; it should give probabilities.
        distance: ``"wasserstein"`` or ``"bottleneck"``.
        order: Order of the Wasserstein distance, at least 1; the bottleneck distance has none.
        internal_p: The norm in the plane of births and deaths, at least 1; ``float("inf")`` is the largest coordinate,
            the norm of the bottleneck distance in any case.
        diagrams: The prescribed diagrams, one for each of ``dimensions``: a list of bars ``(birth, death)``, from 1 at
            most to 0 at least. None: those of the target.
        dimensions: Dimensions of the features compared. None: all, 0 to the number of spatial axes less one.
        dimension_weights: One weight for each of ``dimensions``, none negative. None: all 1.
        min_persistence: Bars of the prediction up to this length are left out; at least 0 and below 1.
        construction: ``"T"``: full foreground connectivity (8 / 26). ``"V"``: face connectivity (4 / 6).
        num_threads: Threads for persistence. None: as many as there are cores.
        reduction: ``"mean"`` or ``"sum"`` over items and channels, or ``"none"`` for ``(B, C, 1, 1[, 1])``.
        weight: Weights of the channels, see :class:`~segtopo.losses.channel_loss.ChannelLoss`.
        ignore_index: Label whose voxels count as background in input and target.

    Raises:
        TypeError: If ``other_act`` cannot be called.
        ValueError: If an option is out of its range, or more than one activation is asked for.

    Reference:
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

    def __init__(
        self,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        other_act: Callable[[torch.Tensor], torch.Tensor] | None = None,
        distance: Distance = "wasserstein",
        order: float = 2.0,
        internal_p: float = 2.0,
        diagrams: Sequence[Sequence[Sequence[float]]] | None = None,
        dimensions: Sequence[int] | None = None,
        dimension_weights: Sequence[float] | None = None,
        min_persistence: float = 0.0,
        construction: Construction = "T",
        num_threads: int | None = None,
        reduction: LossReduction | str = LossReduction.MEAN,
        weight: ClassWeight = None,
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(
            include_background=include_background,
            to_onehot_y=to_onehot_y,
            sigmoid=sigmoid,
            softmax=softmax,
            other_act=other_act,
            dimensions=dimensions,
            dimension_weights=dimension_weights,
            min_persistence=min_persistence,
            construction=construction,
            num_threads=num_threads,
            reduction=reduction,
            weight=weight,
            ignore_index=ignore_index,
        )
        if distance not in get_args(Distance):
            raise InputError(f"distance is {distance!r}, expected one of {get_args(Distance)}.")
        for name, value in (("order", order), ("internal_p", internal_p)):
            if not value >= 1:
                raise InputError(f"{name} is {value}, expected at least 1.")
        self.distance: Distance = distance
        self.order = order
        self.internal_p = internal_p
        self.diagrams = None if diagrams is None else [_as_diagram(bars) for bars in diagrams]

    def image_losses(self, images: torch.Tensor, references: torch.Tensor | None) -> torch.Tensor:
        """The losses ``(N,)`` of images and, unless diagrams are given, references, both ``(N, *spatial)``."""
        bars = superlevel_barcodes(images, self.construction, self.num_threads)
        bars = bars.select(bars.lengths > self.min_persistence)
        points = torch.stack(gather(bars, images), dim=1)
        weights, goals = self.weight_of_dimension(images.ndim - 1), self._goals(images, references)
        losses = [
            torch.stack([w * self._squared(points[bars.of(i, k)], goal[k]) for k, w in weights.items()]).sum()
            for i, goal in enumerate(goals)
        ]
        return torch.stack(losses).to(images)

    def _squared(self, diagram: torch.Tensor, goal: torch.Tensor) -> torch.Tensor:
        if self.distance == "bottleneck":
            return bottleneck_distance(diagram, goal) ** 2
        return wasserstein_distance(diagram, goal, order=self.order, internal_p=self.internal_p) ** 2

    def _goals(self, images: torch.Tensor, references: torch.Tensor | None) -> list[dict[int, torch.Tensor]]:
        """For each image the diagrams by dimension that it should have."""
        dimensions = list(self.weight_of_dimension(images.ndim - 1))
        if self.diagrams is not None:
            if len(self.diagrams) != len(dimensions):
                raise InputError(f"got {len(self.diagrams)} diagrams for the dimensions {tuple(dimensions)}.")
            return [dict(zip(dimensions, self.diagrams, strict=True))] * len(images)
        if references is None:
            raise InputError("got neither diagrams nor a target, expected one of them to compare with.")
        bars = superlevel_barcodes(references, self.construction, self.num_threads)
        points = torch.stack(gather(bars, references), dim=1)
        return [{k: points[bars.of(i, k)] for k in dimensions} for i in range(len(images))]


def _as_diagram(bars: Sequence[Sequence[float]]) -> torch.Tensor:
    if any(len(bar) != 2 for bar in bars):
        raise InputError(f"a diagram has the bars {list(bars)}, expected pairs (birth, death).")
    points = torch.tensor(bars, dtype=torch.float64).reshape(len(bars), 2)
    births, deaths = points.unbind(dim=1)
    if not bool(((births <= 1) & (births >= deaths) & (deaths >= 0)).all()):
        raise InputError(
            f"a diagram has the bars {points.tolist()}, expected (birth, death) with 1 >= birth >= death >= 0."
        )
    return points
