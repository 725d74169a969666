"""Comparison of persistence diagrams and of the images they come from."""

from segtopo.matching.diagram_matching import match_diagrams

__all__ = ["match_diagrams"]
