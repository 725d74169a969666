from .calibration import Calibration, calibrate_repair
from .classes import ClassRepair, repair_classes
from .edits import Edit, EditKind, Repair
from .figures import Figures
from .grid import RuleGrid
from .mask_repair import repair_mask
from .rules import RepairRules

__all__ = [
    "Calibration",
    "ClassRepair",
    "Edit",
    "EditKind",
    "Figures",
    "Repair",
    "RepairRules",
    "RuleGrid",
    "calibrate_repair",
    "repair_classes",
    "repair_mask",
]
