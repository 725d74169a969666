"""Betti matching: which topological features of two images are the same ones, at the same place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from segtopo import _native
from segtopo.errors import InputError, mismatch
from segtopo.persistence import Construction, Filtration, PersistencePairs
from segtopo.persistence.barcodes import Barcodes, essential_death
from segtopo.persistence.cubical import pairs_of
from segtopo.persistence.inputs import (
    ImageArray,
    as_image_array,
    check_complex,
    check_shape,
    describe_nan,
    thread_count,
)

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class BettiMatching:
    """The persistence pairs of a prediction and a target, and which of them belong together.

    Attributes:
        prediction: all pairs of the prediction.
        target: all pairs of the target.
        partners: (n,) for each pair of the prediction the index of its partner among those of the target; -1 where it
            has none.
    """

    prediction: PersistencePairs
    target: PersistencePairs
    partners: npt.NDArray[np.int64]

    @property
    def matched(self) -> tuple[PersistencePairs, PersistencePairs]:
        """The pairs with a partner: those of the prediction, and in the same order their partners."""
        matched = self.partners >= 0
        return self.prediction.select(matched), self.target.select(self.partners[matched])

    @property
    def unmatched_prediction(self) -> PersistencePairs:
        """The prediction's pairs without a partner."""
        return self.prediction.select(self.partners < 0)

    @property
    def unmatched_target(self) -> PersistencePairs:
        """The target's pairs without a partner."""
        alone = np.ones(len(self.target), dtype=np.bool_)
        alone[self.partners[self.partners >= 0]] = False
        return self.target.select(alone)

    def __repr__(self) -> str:
        ndim = len(self.prediction.shape)
        parts = {
            "matched": self.matched[0],
            "unmatched_prediction": self.unmatched_prediction,
            "unmatched_target": self.unmatched_target,
        }
        counts = (f"{name}={np.bincount(p.dimensions, minlength=ndim).tolist()}" for name, p in parts.items())
        return f"BettiMatching({', '.join(counts)})"


def betti_matching(
    prediction: npt.ArrayLike | torch.Tensor,
    target: npt.ArrayLike | torch.Tensor,
    *,
    filtration: Filtration = "superlevel",
    construction: Construction = "T",
    threshold: float | None = None,
    num_threads: int | None = None,
) -> BettiMatching:
    """Match the features of two images that are the same in their union.

    Both images lie in their union, the larger of the two values at each voxel (the smaller under sublevel). There a
    feature of the prediction and one of the target are the same if one and the same event ends them: they are
    matched if their images in the union die at the same cell. So a component is matched with one that overlaps it,
    a loop with one around the same hole, and features that only have similar values, at different places, are not.

    Ties between voxels are broken by their linear index. The cells that enter with one voxel tie as well, and have an
    order of their own: where one voxel ends several features of the union at once, as is common in noise and rare in
    smooth images, mirrored images may give other matches, and with them another number of matches.

    Args:
        prediction: 2D or 3D image, NumPy array or torch tensor of any real dtype.
        target: image of the same shape with values in [0, 1], usually a mask.
        filtration: ``"superlevel"`` for probabilities of the foreground; ``"sublevel"`` where the foreground is dark.
        construction: ``"T"``: the foreground is 8- or 26-connected; ``"V"``: 4- or 6-connected.
        threshold: In [0, 1]; only the voxels are looked at where prediction or target are at least ``1 - threshold``
            (at most ``threshold`` under sublevel), and what is alive among them in the end is essential, in every
            dimension. None: the whole images, in which one component is essential.
        num_threads: Threads to use; by default the number of CPUs. The result does not depend on it.

    Returns:
        The pairs of both images as :func:`~segtopo.persistence.compute_persistence` gives them, and their partners.
        The essential ones of both images are matched one to one; components, with ``threshold``, inside the same
        connected piece of what is looked at.

    Raises:
        ValueError: The images hold NaN, differ in shape, are empty, or neither 2D nor 3D; the target has values
            outside [0, 1]; or an option has no such value.
        TypeError: An image is complex or not numeric.

    References:
        N. Stucki, J. C. Paetzold, S. Shit, B. Menze, U. Bauer, "Topologically faithful image segmentation via induced
        matching of persistence barcodes", ICML 2023. N. Stucki, V. Bürgin, J. C. Paetzold, U. Bauer, "Efficient Betti
        matching enables topology-aware 3D segmentation via persistent homology", 2024.

    Example:
        >>> import numpy as np
        >>> target = np.array([[1, 1, 1, 0, 0]])
        >>> prediction = np.array([[0.9, 0.2, 0.8, 0.1, 0.6]])
        >>> matching = betti_matching(prediction, target)
        >>> matching
        BettiMatching(matched=[1, 0], unmatched_prediction=[2, 0], unmatched_target=[0, 0])
        >>> spurious = matching.unmatched_prediction
        >>> spurious.births.tolist(), spurious.deaths.tolist()  # a piece cut off, and one that should not be there
        ([0.8, 0.6], [0.2, 0.1])
    """
    predictions, targets = as_image_array(prediction, "prediction"), as_image_array(target, "target")
    check_shape(predictions.shape, "prediction")
    if predictions.shape != targets.shape:
        raise InputError(
            mismatch("target", got=f"shape {targets.shape}", expected=f"the prediction's shape {predictions.shape}")
        )
    lowest, highest = targets.min(), targets.max()
    if lowest < 0 or highest > 1:
        raise InputError(mismatch("target", got=f"values from {lowest:.6g} to {highest:.6g}", expected="0 to 1"))
    dtype = np.result_type(predictions, targets, np.float32)
    matching = match_barcodes(
        predictions[None].astype(dtype, copy=False),
        targets[None].astype(dtype, copy=False),
        filtration,
        construction,
        threshold,
        num_threads,
    )
    return BettiMatching(
        pairs_of(matching.prediction, predictions.shape, filtration, construction),
        pairs_of(matching.target, targets.shape, filtration, construction),
        matching.partners,
    )


@dataclass(frozen=True, eq=False)
class BarcodeMatching:
    """The barcodes of a batch of predictions and targets, and which bars are matched.

    Attributes:
        prediction: The barcodes of the predictions.
        target: The barcodes of the targets.
        partners: ``(n,)`` for each bar of the predictions the row of its partner in ``target``; -1 where it has none.
    """

    prediction: Barcodes
    target: Barcodes
    partners: npt.NDArray[np.int64]


def match_barcodes(
    predictions: ImageArray,
    targets: ImageArray,
    filtration: Filtration,
    construction: Construction,
    threshold: float | None,
    num_threads: int | None,
) -> BarcodeMatching:
    """Matches each image of two batches ``(N, H, W[, D])`` of one floating dtype, over threads."""
    check_complex(filtration, construction)
    check_threshold(threshold)
    try:
        prediction, target, partners = _native.betti_matching(
            np.ascontiguousarray(predictions),
            np.ascontiguousarray(targets),
            superlevel=filtration == "superlevel",
            top_cells=construction == "T",
            threshold=None if threshold is None else float(threshold),
            num_threads=thread_count(num_threads),
        )
    except _native.NanError:
        images = {"prediction": predictions, "target": targets}
        with_nan = [describe_nan(array, name) for name, array in images.items() if np.isnan(array).any()]
        raise InputError("; ".join(with_nan)) from None
    death = essential_death(filtration)
    return BarcodeMatching(
        Barcodes.of_columns(predictions, prediction, death), Barcodes.of_columns(targets, target, death), partners
    )


def check_threshold(threshold: float | None) -> None:
    """Raises InputError unless it is None or in [0, 1]."""
    if threshold is not None and not 0 <= threshold <= 1:
        raise InputError(
            mismatch("threshold", got=threshold, expected="a number from 0 to 1, or None for the whole image")
        )
