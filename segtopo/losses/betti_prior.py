"""BettiPriorLoss: a prediction with the Betti numbers known beforehand (Clough et al. 2020, Byrne et al. 2022)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypedDict

import numpy as np
import torch
from monai.utils import LossReduction
from numpy.typing import NDArray

from segtopo.errors import InputError
from segtopo.losses.channel_loss import ClassWeight
from segtopo.losses.persistence_loss import PriorLoss
from segtopo.losses.superlevel import gather, sum_by_image, superlevel_barcodes
from segtopo.persistence import Construction


class BettiPrior(TypedDict):
    """The topology of a class, or of several classes taken together."""

    classes: Sequence[int]
    """Channels of the input, the background being 0; several make one region."""
    betti_numbers: Sequence[int]
    """The number of features in each of the loss's ``dimensions``."""


class BettiPriorLoss(PriorLoss):
    r"""Draws a prediction to prescribed Betti numbers, class by class and for classes taken together.

    If a region should have :math:`\beta_k` features of dimension ``k``, the :math:`\beta_k` longest bars of its
    superlevel diagram are made longer and all others shorter:

    .. math:: \sum_k w_k \Big( \sum_{l \le \beta_k} \big(1 - (b_l - d_l)^p\big)
              + \sum_{l > \beta_k} (b_l - d_l)^p \Big)

    The numbers are known from anatomy more often than one thinks: a myocardium in a short-axis slice is one ring, the
    airways are one tree without loops. As no target is needed, images without labels can be trained on, and a
    network can be adapted to the very image it is to segment. A feature that the prediction has no bar for costs 1
    and has no gradient. Numbers do not tell where a feature should be: a broken vessel is made one by joining its
    parts or by erasing one of them, so keep a loss beside it that holds the prediction to the image or the label.

    Where one class surrounds or touches another, priors for several classes together say how they lie: a ring and
    the disc in it make one component without a hole.

    Args:
        include_background: If False and ``priors`` is None, channel 0 is left out.
        to_onehot_y: Whether to turn a ``(B, 1, H, W[, D])`` label map into one channel per class of the
            input.
        sigmoid: Whether to apply a sigmoid to the input. Channels are then labels that may overlap: several of them
            make a region whose probability is their maximum.
        softmax: Whether to apply a softmax over the channels of the input. Channels are then classes of which each
            voxel has one, as they are without any activation: probabilities of several are added.
        other_act: Another activation to apply to the input; it should give probabilities.
        priors: A list of ``{"classes": [...], "betti_numbers": [...]}``, see :class:`BettiPrior`; each gives one
            column of the loss, ``(B, len(priors))``, and has one of the values of ``weight``. None: the Betti
            numbers of the target, channel by channel.
        p: The power, above 0; 2 in Clough et al., 1 in Byrne et al.
        dimensions: Dimensions of the features. None: all, 0 to the number of spatial axes less one.
        dimension_weights: One weight for each of ``dimensions``, none negative. None: all 1.
        min_persistence: Bars up to this length are not shortened; at least 0 and below 1.
        construction: ``"T"``: full foreground connectivity (8 / 26). ``"V"``: face connectivity (4 / 6).
        num_threads: Threads for persistence. None: as many as there are cores.
        reduction: ``"mean"`` or ``"sum"`` over items and channels or priors, or ``"none"`` for ``(B, C, 1, 1[, 1])``.
        weight: Weights of the channels or priors, see :class:`~segtopo.losses.channel_loss.ChannelLoss`.
        ignore_index: Label whose voxels count as background in input and target.

    Raises:
        TypeError: If ``other_act`` cannot be called.
        ValueError: If an option is out of its range, or more than one activation is asked for.

    References:
        J. R. Clough, N. Byrne, I. Oksuz, V. A. Zimmer, J. A. Schnabel, A. P. King: A Topological Loss Function for
        Deep-Learning Based Image Segmentation Using Persistent Homology. IEEE TPAMI 44(12), 2022 (online 2020).
        N. Byrne, J. R. Clough, I. Valverde, G. Montana, A. P. King: A Persistent Homology-Based Topological Loss for
        CNN-Based Multiclass Segmentation of CMR. IEEE TMI 42(1), 2023 (online 2022).

    Example:
        >>> import torch
        >>> ring = {"classes": [1], "betti_numbers": [1, 1]}
        >>> disc = {"classes": [1, 2], "betti_numbers": [1, 0]}
        >>> loss_function = BettiPriorLoss(softmax=True, priors=[ring, disc], reduction="none")
        >>> loss_function(torch.zeros(1, 3, 8, 9)).flatten()  # 1 - (1/3)^2 and a missing loop; 1 - (2/3)^2
        tensor([1.8889, 0.5556])
    """

    def __init__(
        self,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        other_act: Callable[[torch.Tensor], torch.Tensor] | None = None,
        priors: Sequence[BettiPrior] | None = None,
        p: float = 2.0,
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
            include_background=include_background if priors is None else True,
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
        if not p > 0:
            raise InputError(f"p is {p}, expected a number above 0.")
        self.priors = None if priors is None else _checked(priors)
        self.p = p

    def regions(self, prediction: torch.Tensor) -> torch.Tensor:
        """The channels, or the ``(B, K, *spatial)`` probabilities of the regions that ``K`` priors speak of."""
        if self.priors is None:
            return prediction
        channels = prediction.shape[1]
        if (highest := max(max(prior["classes"]) for prior in self.priors)) >= channels:
            raise InputError(
                f"priors speak of class {highest}, expected classes from 0 to {channels - 1} of the input."
            )
        return torch.stack([self._together(prediction[:, list(prior["classes"])]) for prior in self.priors], dim=1)

    def _together(self, channels: torch.Tensor) -> torch.Tensor:
        if self.sigmoid:
            return channels.amax(dim=1)
        return channels.sum(dim=1).clamp(max=1.0)  # rounding can lead above 1

    def image_losses(self, images: torch.Tensor, references: torch.Tensor | None) -> torch.Tensor:
        """The losses ``(N,)`` of images and, without priors, references, both ``(N, *spatial)``."""
        ndim = images.ndim - 1
        numbers = self._betti_numbers(images, references)
        bars = superlevel_barcodes(images, self.construction, self.num_threads)
        wanted = bars.ranks < numbers[bars.image, bars.dimension]
        weight = self.dimension_weight(ndim)
        # Bars of no length count as missing: powers below 1 have no derivative there.
        kept = (weight[bars.dimension] > 0) & (bars.lengths > np.where(wanted, 0.0, self.min_persistence))
        bars, wanted = bars.select(kept), wanted[kept]
        found = np.zeros_like(numbers)
        np.add.at(found, (bars.image, bars.dimension), wanted)
        births, deaths = gather(bars, images)
        lengths = (births - deaths) ** self.p
        costs = torch.where(torch.from_numpy(wanted), 1 - lengths, lengths)
        missing, bar_weight = (
            torch.from_numpy(values).to(costs) for values in ((numbers - found) @ weight, weight[bars.dimension])
        )
        return (missing + sum_by_image(bars, bar_weight * costs, len(images))).to(images.device)

    def _betti_numbers(self, images: torch.Tensor, references: torch.Tensor | None) -> NDArray[np.int64]:
        """How many features each image should have, ``(N, ndim)``."""
        ndim = images.ndim - 1
        if self.priors is not None:
            rows = [self.by_dimension("betti_numbers", prior["betti_numbers"], ndim) for prior in self.priors]
            return np.tile(np.stack(rows), (len(images) // len(rows), 1))
        if references is None:
            raise InputError("got neither priors nor a target, expected one of them to give the Betti numbers.")
        features = superlevel_barcodes((references > 0.5).to(images), self.construction, self.num_threads)
        features = features.select(features.births > features.deaths)
        numbers = np.zeros((len(images), ndim), np.int64)
        np.add.at(numbers, (features.image, features.dimension), 1)
        return numbers


def _checked(priors: Sequence[BettiPrior]) -> list[BettiPrior]:
    if not priors:
        raise InputError("priors is empty, expected at least one, or None for the Betti numbers of the target.")
    for prior in priors:
        if set(prior) != set(BettiPrior.__required_keys__):
            raise InputError(f"a prior has the keys {sorted(prior)}, expected 'betti_numbers' and 'classes'.")
        if not prior["classes"] or min(prior["classes"]) < 0 or len(set(prior["classes"])) < len(prior["classes"]):
            raise InputError(f"a prior has the classes {prior['classes']}, expected at least one and none twice.")
        if not prior["betti_numbers"] or min(prior["betti_numbers"]) < 0:
            raise InputError(f"a prior has the betti_numbers {prior['betti_numbers']}, expected numbers of at least 0.")
    return list(priors)
