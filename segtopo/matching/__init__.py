"""Comparison of persistence diagrams and of the images they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from segtopo.matching.betti_matching import BettiMatching, betti_matching
from segtopo.matching.bottleneck_matching import match_bottleneck
from segtopo.matching.diagram_matching import match_diagrams
from segtopo.matching.mask_comparison import MaskComparison, TopologyError, compare_masks

if TYPE_CHECKING:
    from segtopo.matching.diagram_distances import bottleneck_distance, wasserstein_distance

__all__ = [
    "BettiMatching",
    "MaskComparison",
    "TopologyError",
    "betti_matching",
    "bottleneck_distance",
    "compare_masks",
    "match_bottleneck",
    "match_diagrams",
    "wasserstein_distance",
]


def __getattr__(name: str) -> Any:
    # torch is heavy: the differentiable distances load when they are first asked for.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from segtopo.matching import diagram_distances

    return getattr(diagram_distances, name)
