"""Binary masks: components, skeletons, Betti numbers, and the comparison of two masks."""

from segtopo.masks.mask_comparison import MaskComparison, TopologyError, compare_masks

__all__ = ["MaskComparison", "TopologyError", "compare_masks"]
