"""Comparison of persistence diagrams and of the images they come from."""

from segtopo.matching.betti_matching import BettiMatching, betti_matching
from segtopo.matching.diagram_matching import match_diagrams
from segtopo.matching.mask_comparison import MaskComparison, TopologyError, compare_masks

__all__ = ["BettiMatching", "MaskComparison", "TopologyError", "betti_matching", "compare_masks", "match_diagrams"]
