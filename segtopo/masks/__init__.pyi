from .betti import betti_numbers
from .mask_comparison import ErrorKind, MaskComparison, TopologyError, compare_masks

__all__ = ["ErrorKind", "MaskComparison", "TopologyError", "betti_numbers", "compare_masks"]
