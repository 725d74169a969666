from .classes import ClassRepair, repair_classes
from .edits import Edit, EditKind, Repair
from .mask_repair import repair_mask
from .rules import RepairRules

__all__ = ["ClassRepair", "Edit", "EditKind", "Repair", "RepairRules", "repair_classes", "repair_mask"]
