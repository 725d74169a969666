"""TotalPersistenceLoss: how long the bars of a prediction are, all together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from monai.utils import LossReduction

from segtopo.errors import InputError
from segtopo.losses.channel_loss import ClassWeight
from segtopo.losses.persistence_loss import PriorLoss
from segtopo.losses.superlevel import gather, sum_by_image, superlevel_barcodes
from segtopo.persistence import Construction


class TotalPersistenceLoss(PriorLoss):
    r"""Total persistence of the prediction's features, with the longest ones set apart.

    The diagrams are those of the superlevel filtration: a bar :math:`(b, d)` of dimension 0 is a component that
    appears at probability ``b`` and merges with another at ``d``; dimension 1 holds loops, dimension 2 (in 3D)
    cavities. In each dimension the ``longest`` bars are weighed by :math:`w`, and all others by 1:

    .. math:: w \sum_{\mathrm{longest}} (b - d)^p + \sum_{\mathrm{others}} (b - d)^p

    So the loss removes features (``longest=0``), keeps the ``k`` most pronounced and removes the others
    (``longest=k``), or makes these stronger too (``longest_weight`` below 0: the loss is then not bounded by 0). It
    needs no target: with ``longest=(1, 0)`` it asks for one component without loops, whichever.

    The component that never dies is given death 0; with ``longest=0`` it is made smaller as well, until the
    prediction is empty.

    Args:
        include_background: If False, channel 0 is left out.
        to_onehot_y: Whether to turn a ``(B, 1, H, W[, D])`` label map into one channel per class of the
            input.
        sigmoid: Whether to apply a sigmoid to the input.
        softmax: Whether to apply a softmax over the channels of the input.
        other_act: Another activation to apply to the input; it should give probabilities.
        p: The power, above 0. Below 1 short bars are pulled most, above it long ones.
        longest: How many bars to set apart in each dimension: one number for all of ``dimensions``, or one each.
        longest_weight: Their weight; 0 leaves them alone, below 0 makes them longer.
        dimensions: Dimensions of the features. None: all, 0 to the number of spatial axes less one.
        dimension_weights: One weight for each of ``dimensions``, none negative. None: all 1.
        min_persistence: Bars up to this length that are not set apart cost nothing; at least 0 and below 1.
        construction: ``"T"``: full foreground connectivity (8 / 26). ``"V"``: face connectivity (4 / 6).
        num_threads: Threads for persistence. None: as many as there are cores.
        reduction: ``"mean"`` or ``"sum"`` over items and channels, or ``"none"`` for ``(B, C, 1, 1[, 1])``.
        weight: Weights of the channels, see :class:`~segtopo.losses.channel_loss.ChannelLoss`.
        ignore_index: Label whose voxels count as background in the input.

    Raises:
        TypeError: If ``other_act`` cannot be called.
        ValueError: If an option is out of its range, or more than one activation is asked for.

    References:
        D. Cohen-Steiner, H. Edelsbrunner, J. Harer, Y. Mileyko: Lipschitz Functions Have L_p-Stable Persistence.
        Foundations of Computational Mathematics 10, 2010. R. Brüel-Gabrielsson et al.: A Topology Layer for Machine
        Learning. AISTATS 2020.

    Example:
        >>> import torch
        >>> prediction = torch.tensor([[[[0.9, 0.2, 0.8, 0.1, 0.6]]]], requires_grad=True)
        >>> loss = TotalPersistenceLoss(longest=1)(prediction)  # one component is to stay
        >>> round(loss.item(), 3)  # 0.6^2 + 0.5^2
        0.61
        >>> loss.backward()
        >>> prediction.grad.squeeze()  # descent joins the second component and lets the third fade
        tensor([ 0.0000, -1.2000,  1.2000, -1.0000,  1.0000])
    """

    def __init__(
        self,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        other_act: Callable[[torch.Tensor], torch.Tensor] | None = None,
        p: float = 2.0,
        longest: Sequence[int] | int = 0,
        longest_weight: float = 0.0,
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
        if not p > 0:
            raise InputError(f"p is {p}, expected a number above 0.")
        if np.min(longest, initial=0) < 0:
            raise InputError(f"longest is {longest}, expected numbers of at least 0.")
        self.p = p
        self.longest = longest
        self.longest_weight = longest_weight

    def image_losses(self, images: torch.Tensor, references: torch.Tensor | None) -> torch.Tensor:
        """The losses ``(N,)`` of images ``(N, *spatial)``."""
        ndim = images.ndim - 1
        bars = superlevel_barcodes(images, self.construction, self.num_threads)
        longest = bars.ranks < self.by_dimension("longest", self.longest, ndim)[bars.dimension]
        weight = self.dimension_weight(ndim)[bars.dimension] * np.where(longest, self.longest_weight, 1.0)
        # The component of an empty prediction has no length, and powers below 1 no derivative at 0.
        kept = (weight != 0) & (bars.lengths > np.where(longest, 0.0, self.min_persistence))
        bars, weight = bars.select(kept), weight[kept]
        births, deaths = gather(bars, images)
        costs = torch.from_numpy(weight).to(births) * (births - deaths) ** self.p
        return sum_by_image(bars, costs, len(images)).to(images.device)
