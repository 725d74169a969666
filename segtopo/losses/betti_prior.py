"""BettiPriorLoss: a prediction with known Betti numbers (Clough et al. 2020, Byrne et al. 2022)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from annotated_types import MinLen
from numpy.typing import NDArray
from typing_extensions import TypedDict

from segtopo.errors import InputError, mismatch
from segtopo.losses.options import ClassWeight, Count, Positive
from segtopo.losses.persistence_loss import PriorLoss
from segtopo.losses.superlevel import gather, sum_by_image, superlevel_barcodes


class BettiPrior(TypedDict):
    """The topology of a class, or of the union of several classes."""

    classes: Annotated[Sequence[Count], MinLen(1)]
    """Channels of the input; 0 is the background. Several channels make one region."""
    betti_numbers: Annotated[Sequence[Count], MinLen(1)]
    """The number of features in each of the loss's ``dimensions``."""


@dataclass(eq=False, repr=False, kw_only=True)
class BettiPriorLoss(PriorLoss):
    r"""Moves a prediction to prescribed Betti numbers, for single classes and for unions of classes.

    If a region should have :math:`\beta_k` features of dimension ``k``, the :math:`\beta_k` longest bars of its
    superlevel diagram are lengthened and all others are shortened:

    .. math:: \sum_k w_k \Big( \sum_{l \le \beta_k} \big(1 - (b_l - d_l)^p\big)
              + \sum_{l > \beta_k} (b_l - d_l)^p \Big)

    Anatomy often gives the numbers: a myocardium in a short-axis slice is one ring, the airways are one tree without
    loops. The loss needs no target, so it can train on images without labels, and adapt a network to a single image. A
    missing feature without any bar costs 1 and has no gradient. Numbers do not say where a feature should be: the
    loss may join a broken vessel or erase one part. Keep a loss beside it that compares with the image or the label.

    Priors for unions of classes say how classes surround or touch each other: a ring and the disc in it make one
    component without a hole.

    All other options, and the errors, are those of :class:`~segtopo.losses.persistence_loss.PersistenceLoss`.
    Bars up to ``min_persistence`` are not shortened. With ``sigmoid`` the channels are labels that may overlap: the
    probability of a union is their maximum. Otherwise each voxel has one class, and the probabilities are added.

    Args:
        priors: A list of ``{"classes": [...], "betti_numbers": [...]}``, see :class:`BettiPrior`. Each gives one
            column of the loss, ``(B, len(priors))``, and has one of the values of ``weight``. None: the Betti numbers
            of the target, channel by channel. Class 0 needs ``include_background=True``.
        p: The power, above 0; 2 in Clough et al., 1 in Byrne et al.

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

    priors: Annotated[Sequence[BettiPrior], MinLen(1)] | None = None
    p: Positive = 2.0

    def __post_init__(self, weight: ClassWeight) -> None:
        super().__post_init__(weight)
        for number, prior in enumerate(self.priors or ()):
            classes = list(prior["classes"])
            if len(set(classes)) < len(classes):
                raise InputError(mismatch(f"priors[{number}].classes", got=classes, expected="none twice"))

    def regions(self, prediction: torch.Tensor) -> torch.Tensor:
        """Returns the channels, or the probabilities ``(B, K, *spatial)`` of the regions of ``K`` priors."""
        if self.priors is None:
            return prediction
        # Without the background, prediction begins with class 1.
        first = 0 if self.include_background else 1
        last = first + prediction.shape[1] - 1
        for number, prior in enumerate(self.priors):
            if min(prior["classes"]) < first or max(prior["classes"]) > last:
                expected = f"classes from {first} to {last} of the input" + " without its background" * first
                raise InputError(mismatch(f"priors[{number}].classes", got=list(prior["classes"]), expected=expected))
        channels = [[label - first for label in prior["classes"]] for prior in self.priors]
        return torch.stack([self._union(prediction[:, chosen]) for chosen in channels], dim=1)

    def _union(self, channels: torch.Tensor) -> torch.Tensor:
        if self.sigmoid:
            return channels.amax(dim=1)
        return channels.sum(dim=1).clamp(max=1.0)  # rounding can lead above 1

    def image_losses(self, prediction: torch.Tensor, target: torch.Tensor | None) -> torch.Tensor:
        """Computes the losses ``(N,)`` of images ``(N, *spatial)``; without priors the targets are needed."""
        betti_numbers = self._betti_numbers(prediction, target)
        bars = superlevel_barcodes(prediction, self.construction, self.num_threads)
        wanted = bars.ranks < betti_numbers[bars.image, bars.dimension]
        weights = self.dimensions_of(prediction).weights()
        # Bars of no length count as missing: powers below 1 have no derivative there.
        kept = (weights[bars.dimension] > 0) & (bars.lengths > np.where(wanted, 0.0, self.min_persistence))
        bars, wanted = bars.select(kept), wanted[kept]
        found = np.zeros_like(betti_numbers)
        np.add.at(found, (bars.image, bars.dimension), wanted)
        births, deaths = gather(bars, prediction)
        lengths = (births - deaths) ** self.p
        costs = torch.where(torch.from_numpy(wanted), 1 - lengths, lengths)
        missing = torch.from_numpy((betti_numbers - found) @ weights).to(costs)
        weighted = torch.from_numpy(weights[bars.dimension]).to(costs) * costs
        return (missing + sum_by_image(bars, weighted, len(prediction))).to(prediction.device)

    def _betti_numbers(self, prediction: torch.Tensor, target: torch.Tensor | None) -> NDArray[np.int64]:
        """Returns the number of features that each image should have, ``(N, ndim)``."""
        if self.priors is not None:
            dimensions = self.dimensions_of(prediction)
            rows = [
                dimensions.spread(f"priors[{number}].betti_numbers", prior["betti_numbers"])
                for number, prior in enumerate(self.priors)
            ]
            return np.tile(np.stack(rows).astype(np.int64), (len(prediction) // len(rows), 1))
        if target is None:
            raise InputError(mismatch("target", got="None without priors", expected="a target, or priors"))
        features = superlevel_barcodes((target > 0.5).to(prediction), self.construction, self.num_threads)
        features = features.select(features.births > features.deaths)
        betti_numbers = np.zeros((len(prediction), prediction.ndim - 1), np.int64)
        np.add.at(betti_numbers, (features.image, features.dimension), 1)
        return betti_numbers
