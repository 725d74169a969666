"""The figures by which a repair is judged against a reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segtopo.masks.components import Mask
from segtopo.masks.dice import dice
from segtopo.masks.diu import discrepancy
from segtopo.metrics.matched_features import match_features
from segtopo.persistence import Construction


@dataclass(frozen=True)
class Figures:
    """Figures of a mask against its reference, or their means over cases.

    Attributes:
        dice: Dice coefficient in [0, 1].
        tree_length: The part of the reference's skeleton inside the mask, in [0, 1]; 1 for an empty reference.
        betti_errors: Absolute differences of the Betti numbers, one per dimension.
        betti_matching_errors: Features without a partner in either mask, one number per dimension.
        diu: Discrepancy between Intersection and Union, the sum over the dimensions. It also counts displacement,
            for instance a join beside the vessel of the reference; see :func:`segtopo.metrics.compute_diu`.
    """

    dice: float
    tree_length: float
    betti_errors: tuple[float, ...]
    betti_matching_errors: tuple[float, ...]
    diu: float

    @property
    def betti_matching_error(self) -> float:
        """The sum over the dimensions."""
        return sum(self.betti_matching_errors)

    @classmethod
    def of(
        cls, mask: Mask, reference: Mask, skeleton: Mask, construction: Construction, num_threads: int | None = None
    ) -> Figures:
        """Computes the figures of a mask; ``skeleton`` is that of the reference."""
        features = match_features(mask, reference, construction, num_threads)
        pairs = zip(features.prediction, features.reference, strict=True)
        found = mask[skeleton]
        return cls(
            dice(mask, reference),
            float(found.mean()) if found.size else 1.0,
            tuple(float(abs(p - r)) for p, r in pairs),
            features.error,
            float(sum(discrepancy(mask, reference, construction, num_threads).diu)),
        )

    @classmethod
    def mean(cls, cases: Sequence[Figures]) -> Figures:
        """Returns the means over cases."""
        return cls(
            float(np.mean([case.dice for case in cases])),
            float(np.mean([case.tree_length for case in cases])),
            tuple(np.mean([case.betti_errors for case in cases], axis=0).tolist()),
            tuple(np.mean([case.betti_matching_errors for case in cases], axis=0).tolist()),
            float(np.mean([case.diu for case in cases])),
        )
