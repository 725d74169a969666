"""The scores of one structure of one case."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segtopo.masks import TopologyError
from segtopo.metrics import MatchedFeatures
from segtopo.volumes.volume import world_position


@dataclass(frozen=True)
class PlacedError:
    """A topological error of a case and its position in space.

    Attributes:
        error: The error and its voxel.
        world: RAS+ coordinates of the voxel in mm.
    """

    error: TopologyError
    world: tuple[float, float, float]

    @classmethod
    def of(cls, error: TopologyError, affine: npt.NDArray[np.float64]) -> PlacedError:
        """Computes the position of an error from the affine of its mask."""
        return cls(error, world_position(error.voxel, affine))


@dataclass(frozen=True)
class CaseScores:
    """The scores of a predicted structure against its reference.

    Attributes:
        case: Name of the case.
        label: ``"foreground"``, or the value of the structure in label maps.
        dice: Dice coefficient in [0, 1]; 1 where both masks are empty.
        cldice: Centreline Dice in [0, 1]; 1 where both masks are empty.
        diu: Discrepancy between Intersection and Union, one count per dimension, see
            :func:`segtopo.metrics.compute_diu`.
        betti_matching: Features of both masks and the number of matched ones, whose ``error``, ``precision``,
            ``recall`` and ``f1`` are scores, see :func:`segtopo.metrics.compute_betti_matching_scores`.
        errors: Topological errors with their positions. Displacement counts in ``diu`` and is no error.
    """

    case: str
    label: str
    dice: float
    cldice: float
    diu: tuple[int, ...]
    betti_matching: MatchedFeatures
    errors: tuple[PlacedError, ...]

    @property
    def ndim(self) -> int:
        """Number of spatial axes."""
        return len(self.diu)

    @property
    def betti_prediction(self) -> tuple[int, ...]:
        """Betti numbers of the prediction, one per dimension."""
        return self.betti_matching.prediction

    @property
    def betti_reference(self) -> tuple[int, ...]:
        """Betti numbers of the reference, one per dimension."""
        return self.betti_matching.reference

    @property
    def betti_errors(self) -> tuple[int, ...]:
        """Absolute differences of the Betti numbers, one per dimension."""
        return tuple(abs(p - r) for p, r in zip(self.betti_prediction, self.betti_reference, strict=True))

    def numbers(self) -> dict[str, float]:
        """Returns every number by its name in reports; an error without a dimension in its name is a sum."""
        matching = self.betti_matching
        by_score = {
            "error": matching.error,
            "precision": matching.precision,
            "recall": matching.recall,
            "f1": matching.f1,
        }
        return {
            "dice": self.dice,
            "cldice": self.cldice,
            **{f"betti_{k}_error": error for k, error in enumerate(self.betti_errors)},
            "betti_error": sum(self.betti_errors),
            **{f"diu_{k}": error for k, error in enumerate(self.diu)},
            "diu": sum(self.diu),
            **{
                f"betti_matching_{k}_{name}": score
                for name, scores in by_score.items()
                for k, score in enumerate(scores)
            },
            "betti_matching_error": sum(matching.error),
            **{f"betti_{k}_prediction": number for k, number in enumerate(self.betti_prediction)},
            **{f"betti_{k}_reference": number for k, number in enumerate(self.betti_reference)},
        }
