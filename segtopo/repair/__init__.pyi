from .edits import Edit, EditKind, Repair
from .mask_repair import repair_mask
from .rules import RepairRules

__all__ = ["Edit", "EditKind", "Repair", "RepairRules", "repair_mask"]
