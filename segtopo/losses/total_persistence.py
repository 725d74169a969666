"""TotalPersistenceLoss: the summed length of a prediction's bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from segtopo.losses.options import Count, Positive
from segtopo.losses.persistence_loss import PriorLoss
from segtopo.losses.superlevel import gather, sum_by_image, superlevel_barcodes


@dataclass(eq=False, repr=False, kw_only=True)
class TotalPersistenceLoss(PriorLoss):
    r"""Total persistence of the prediction's features, with a weight of its own for the longest bars.

    In each dimension the ``longest`` bars :math:`(b, d)` have the weight :math:`w`, and all others the weight 1:

    .. math:: w \sum_{\mathrm{longest}} (b - d)^p + \sum_{\mathrm{others}} (b - d)^p

    So the loss removes all features (``longest=0``), or keeps the ``k`` most pronounced and removes the others
    (``longest=k``), or makes these stronger too (``longest_weight`` below 0: the loss then has no lower bound of 0).
    It needs no target: ``longest=(1, 0)`` asks for one component without loops, no matter which.

    With ``longest=0`` the essential component is shortened as well, until the prediction is empty.

    All other options, and the errors, are those of :class:`~segtopo.losses.persistence_loss.PersistenceLoss`.

    Args:
        p: The power, above 0. Below 1 short bars have the largest gradient, above it long ones.
        longest: Number of longest bars in each dimension: one number for all of ``dimensions``, or one for each.
        longest_weight: Weight of the longest bars. 0 ignores them, a negative weight lengthens them.

    References:
        D. Cohen-Steiner, H. Edelsbrunner, J. Harer, Y. Mileyko: Lipschitz Functions Have L_p-Stable Persistence.
        Foundations of Computational Mathematics 10, 2010. R. Brüel-Gabrielsson et al.: A Topology Layer for Machine
        Learning. AISTATS 2020.

    Example:
        >>> import torch
        >>> prediction = torch.tensor([[[[0.9, 0.2, 0.8, 0.1, 0.6]]]], requires_grad=True)
        >>> loss = TotalPersistenceLoss(longest=1)(prediction)  # keep one component
        >>> round(loss.item(), 3)  # 0.6^2 + 0.5^2
        0.61
        >>> loss.backward()
        >>> prediction.grad.squeeze()  # descent joins the second component and lets the third fade
        tensor([ 0.0000, -1.2000,  1.2000, -1.0000,  1.0000])
    """

    p: Positive = 2.0
    longest: Sequence[Count] | Count = 0
    longest_weight: float = 0.0

    def image_losses(self, prediction: torch.Tensor, target: torch.Tensor | None) -> torch.Tensor:
        """Computes the losses ``(N,)`` of images ``(N, *spatial)``."""
        dimensions = self.dimensions_of(prediction)
        bars = superlevel_barcodes(prediction, self.construction, self.num_threads)
        longest = bars.ranks < dimensions.spread("longest", self.longest)[bars.dimension]
        weight = dimensions.weights()[bars.dimension] * np.where(longest, self.longest_weight, 1.0)
        # The component of an empty prediction has no length, and powers below 1 have no derivative at 0.
        kept = (weight != 0) & (bars.lengths > np.where(longest, 0.0, self.min_persistence))
        bars, weight = bars.select(kept), weight[kept]
        births, deaths = gather(bars, prediction)
        costs = torch.from_numpy(weight).to(births) * (births - deaths) ** self.p
        return sum_by_image(bars, costs, len(prediction)).to(prediction.device)
