"""TopoLoss: the prediction's persistence diagram drawn to the target's (Hu et al. 2019)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from monai.utils import LossReduction

from segtopo.errors import InputError
from segtopo.losses.channel_loss import ClassWeight
from segtopo.losses.matched_barcodes import match_barcodes_by_value
from segtopo.losses.patches import split_into_patches
from segtopo.losses.persistence_loss import ComparisonLoss
from segtopo.losses.superlevel import superlevel_barcodes
from segtopo.persistence import Construction


class TopoLoss(ComparisonLoss):
    r"""Distance between the persistence diagrams of prediction and target, under the optimal matching.

    The diagrams are those of the superlevel filtration: a bar :math:`(b, d)` of dimension 0 is a component
    that appears at probability ``b`` and merges with another at ``d``; dimension 1 holds loops, dimension 2
    (in 3D) cavities. A binary target has one bar (1, 0) for each feature. The loss of one channel of one
    patch is

    .. math:: \sum_{(p, q)} \|p - q\|^2 + \sum_{p\ \mathrm{unmatched}} \tfrac12 (b_p - d_p)^2
              + \sum_{q\ \mathrm{unmatched}} \tfrac12 (b_q - d_q)^2

    Matched bars of the prediction are drawn to their partners (a gap is closed, a merged pair is parted), the
    others to the diagonal (a spurious piece vanishes, a spurious loop is filled or opened). The last sum has
    no gradient: it counts features for which the prediction has no bar at all.

    The component that never dies is given death 0 and is matched with the target's; for an empty target that
    is the bar (0, 0). So a one-component target against an empty prediction costs 1, the worst there is, with
    a gradient on the brightest voxel; a constant prediction ``c`` costs :math:`(1 - c)^2`, or :math:`c^2` if
    the target is empty.

    **Scale.** The sum over bars is kept, as in the paper: one wrong feature weighs the same beside many right
    ones. It is averaged over patches, so one weight serves images of any size. A single missing feature costs
    up to 1, as much as Dice can cost altogether: weights of 0.001 to 0.01 beside Dice are a fair start.

    **Noise.** A bar is drawn to the diagonal with a force equal to its length, so the thousands of short bars
    of a noisy map act as a weak smoothing; ``min_persistence`` switches it off (the paper's code uses 0.03).
    With ``match_all`` a short bar is drawn to (1, 0) when the target has more features than the prediction,
    be it noise: start from a prediction that is already good.

    Differences from the published code (github.com/HuXiaoling/TopoLoss): all dimensions at once instead of
    components only; the component that never dies counts; empty patches count; all patches count; bars go to
    the diagonal itself; a voxel that is critical for two bars serves both; the diagram and the loss see the
    same activation.

    Args:
        include_background: If False, channel 0 is left out.
        to_onehot_y: Whether to turn a ``(B, 1, H, W[, D])`` label map into one channel per class of the
            input.
        sigmoid: Whether to apply a sigmoid to the input.
        softmax: Whether to apply a softmax over the channels of the input.
        other_act: Another activation to apply to the input; it should give probabilities.
        dimensions: Dimensions of the features compared. None: all, 0 to the number of spatial axes less one.
        dimension_weights: One weight for each of ``dimensions``, none negative. None: all 1.
        patch_size: Edge length in voxels, one number or one per spatial axis, of the non-overlapping patches
            in which the topology is compared: the matching then cannot pair features that are far apart, and
            a structure cut by a patch counts in each of its parts. Patches at the end may be smaller. None:
            the whole image.
        min_persistence: Bars up to this length are not drawn to the diagonal; at least 0 and below 1. They can
            still be matched: where a vessel is broken, the bar of its loop is short before it is mended.
        match_all: If True, as in the paper, each target bar takes a partner as long as the prediction has
            bars. If False, the Wasserstein-2 matching: a pair is made only where it is cheaper than two ways
            to the diagonal, so that weak bars (such as a component whose peak is below 0.27) are erased
            instead of completed.
        construction: ``"T"``: full foreground connectivity (8 / 26). ``"V"``: face connectivity (4 / 6).
        num_threads: Threads for persistence. None: as many as there are cores.
        reduction: ``"mean"`` or ``"sum"`` over items and channels, or ``"none"`` for ``(B, C, 1, 1[, 1])``.
        weight: Weights of the channels, see :class:`~segtopo.losses.channel_loss.ChannelLoss`.
        ignore_index: Label whose voxels count as background in input and target.

    Raises:
        TypeError: If ``other_act`` cannot be called.
        ValueError: If an option is out of its range, or more than one activation is asked for.

    Reference:
        Xiaoling Hu, Li Fuxin, Dimitris Samaras, Chao Chen: Topology-Preserving Deep Image Segmentation. NeurIPS 2019.

    Example:
        >>> import torch
        >>> target = torch.zeros(1, 1, 6, 9)
        >>> target[..., 2:4, 1:8] = 1
        >>> logits = torch.full((1, 1, 6, 9), -4.0, requires_grad=True)
        >>> loss = TopoLoss(sigmoid=True)(logits, target)
        >>> round(loss.item(), 3)
        0.964
        >>> loss.backward()
    """

    def __init__(
        self,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        other_act: Callable[[torch.Tensor], torch.Tensor] | None = None,
        dimensions: Sequence[int] | None = None,
        dimension_weights: Sequence[float] | None = None,
        patch_size: Sequence[int] | int | None = None,
        min_persistence: float = 0.0,
        match_all: bool = True,
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
        self.patch_size = patch_size if patch_size is None else _at_least_one(patch_size)
        self.match_all = match_all

    def image_losses(self, images: torch.Tensor, references: torch.Tensor) -> torch.Tensor:
        """The losses ``(N,)`` of images and references, both ``(N, *spatial)`` and of one floating type."""
        patch_size = self._patch_size(images.shape[1:])
        patches, reference_patches = (split_into_patches(batch, patch_size) for batch in (images, references))
        losses = self._patch_losses(patches.flatten(0, 1), reference_patches.flatten(0, 1))
        return losses.reshape(len(images), -1).mean(dim=1)

    def _patch_losses(self, patches: torch.Tensor, references: torch.Tensor) -> torch.Tensor:
        prediction, target = (
            superlevel_barcodes(batch, self.construction, self.num_threads) for batch in (patches, references)
        )
        bars = match_barcodes_by_value(
            prediction,
            target,
            len(patches),
            self.weight_of_dimension(patches.ndim - 1),
            match_all=self.match_all,
            min_persistence=self.min_persistence,
        )
        return bars.distances(patches)

    def _patch_size(self, spatial: Sequence[int]) -> list[int]:
        if self.patch_size is None:
            return list(spatial)
        edges = self.patch_size if len(self.patch_size) > 1 else self.patch_size * len(spatial)
        if len(edges) != len(spatial):
            raise InputError(f"patch_size {self.patch_size} has {len(edges)} values for {len(spatial)} spatial axes.")
        return [min(edge, extent) for edge, extent in zip(edges, spatial, strict=True)]


def _at_least_one(patch_size: Sequence[int] | int) -> tuple[int, ...]:
    edges = (patch_size,) if isinstance(patch_size, int) else tuple(patch_size)
    if len(edges) == 0 or min(edges) < 1:
        raise InputError(f"patch_size is {patch_size}, expected at least 1 voxel along each axis.")
    return edges
