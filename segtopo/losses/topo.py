"""TopoLoss: persistence diagrams of prediction and target under the optimal matching (Hu et al. 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Annotated

import numpy as np
import torch
from annotated_types import MinLen
from numpy.typing import NDArray

from segtopo.errors import InputError, mismatch
from segtopo.losses.dimensions import Dimensions
from segtopo.losses.matched_barcodes import MatchedBarcodes
from segtopo.losses.options import Extent
from segtopo.losses.patches import split_into_patches
from segtopo.losses.persistence_loss import ComparisonLoss
from segtopo.losses.superlevel import sum_by_image, superlevel_barcodes
from segtopo.matching.diagram_points import DiagramPoints
from segtopo.matching.wasserstein_matching import match_wasserstein_points
from segtopo.persistence.barcodes import Barcodes


@dataclass(eq=False, repr=False, kw_only=True)
class TopoLoss(ComparisonLoss):
    r"""Distance between the persistence diagrams of prediction and target, under the optimal matching.

    The loss of one channel of one patch sums over bars :math:`p` of the prediction and :math:`q` of the target:

    .. math:: \sum_{(p, q)} \|p - q\|^2 + \sum_{p\ \mathrm{unmatched}} \tfrac12 (b_p - d_p)^2
              + \sum_{q\ \mathrm{unmatched}} \tfrac12 (b_q - d_q)^2

    The gradient moves matched bars of the prediction to their partners: it closes a gap or separates a merged pair.
    It moves the other bars to the diagonal: a spurious piece vanishes, a spurious loop is filled or opened. The last
    sum has no gradient. It counts features without any bar in the prediction.

    The essential component is matched with the target's; for an empty target that is the bar (0, 0). A one-component
    target against an empty prediction costs 1, the largest cost of a feature, with a gradient on the brightest voxel.
    Beside another loss, :class:`~segtopo.losses.TopologyWeight` finds its weight.

    All other options, and the errors, are those of :class:`~segtopo.losses.persistence_loss.PersistenceLoss`.

    Args:
        patch_size: Edge length in voxels, one number or one per spatial axis, of the non-overlapping patches in which
            the topology is compared. Patches keep the matching from pairing distant features, and a structure counts
            in each patch that it crosses. Patches at the end may be smaller. None: the whole image.
        match_all: If True, as in the paper, each target bar takes a partner as long as the prediction has bars. If
            False, the matching is Wasserstein-2: a pair is made only if it costs less than two ways to the diagonal.
            Weak bars (such as a component whose peak is below 0.27) are then erased instead of completed.

    References:
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

    patch_size: Annotated[Sequence[Extent], MinLen(1)] | Extent | None = None
    match_all: bool = True

    def image_losses(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Computes the losses ``(N,)`` of images, both ``(N, *spatial)`` and of one floating dtype."""
        patch_size = self._patch_size(prediction.shape[1:])
        patches, target_patches = (split_into_patches(images, patch_size) for images in (prediction, target))
        losses = self._patch_losses(patches.flatten(0, 1), target_patches.flatten(0, 1))
        return losses.reshape(len(prediction), -1).mean(dim=1)

    def _patch_losses(self, patches: torch.Tensor, target_patches: torch.Tensor) -> torch.Tensor:
        prediction, target = (
            superlevel_barcodes(images, self.construction, self.num_threads) for images in (patches, target_patches)
        )
        dimensions = self.dimensions_of(patches)
        partners = match_barcodes_by_value(prediction, target, len(patches), dimensions, match_all=self.match_all)
        weights, lost = dimensions.weights(), np.ones(len(target))
        lost[partners[partners >= 0]] = 0.0
        lost *= weights[target.dimension] * 0.5 * target.lengths**2
        missing = sum_by_image(target, torch.from_numpy(lost), len(patches))
        weight = weights[prediction.dimension]
        bars = MatchedBarcodes.of(prediction, target, partners, weight, missing, self.min_persistence)
        return bars.distances(patches)

    def _patch_size(self, spatial: Sequence[int]) -> list[int]:
        if self.patch_size is None:
            return list(spatial)
        edges = [self.patch_size] * len(spatial) if isinstance(self.patch_size, int) else list(self.patch_size)
        if len(edges) not in (1, len(spatial)):
            raise InputError(
                mismatch("patch_size", got=self.patch_size, expected=f"one value or {len(spatial)}, one for each axis")
            )
        edges = edges * len(spatial) if len(edges) == 1 else edges
        return [min(edge, extent) for edge, extent in zip(edges, spatial, strict=True)]


def match_barcodes_by_value(
    prediction: Barcodes, target: Barcodes, images: int, dimensions: Dimensions, *, match_all: bool
) -> NDArray[np.int64]:
    """Matches the bars of predictions and targets by their values, image by image and dimension by dimension.

    Args:
        prediction: The bars of the predictions.
        target: The bars of the targets.
        images: The number of images of either.
        dimensions: The dimensions to match.
        match_all: See :func:`~segtopo.matching.match_wasserstein`.

    Returns:
        ``(n,)`` for each bar of the predictions the row of its partner in ``target``; -1 without one.
    """
    partners = np.full(len(prediction), -1)
    for image, dimension in product(range(images), dimensions.compared):
        rows, target_rows = prediction.of(image, dimension), target.of(image, dimension)
        i, j = match_wasserstein_points(
            DiagramPoints.of_barcodes(prediction, rows),
            DiagramPoints.of_barcodes(target, target_rows),
            match_all=match_all,
        )
        partners[i + rows.start] = j + target_rows.start
    return partners
