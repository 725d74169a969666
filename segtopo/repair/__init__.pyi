from .calibration import Calibration, calibrate_repair
from .edits import Edit, EditKind, Repair
from .figures import Figures
from .grid import RuleGrid
from .mask_repair import repair_mask
from .rules import RepairRules

__all__ = [
    "Calibration",
    "Edit",
    "EditKind",
    "Figures",
    "Repair",
    "RepairRules",
    "RuleGrid",
    "calibrate_repair",
    "repair_mask",
]
