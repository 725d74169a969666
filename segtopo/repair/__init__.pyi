from .calibration import Calibration, calibrate_repair
from .calibration_files import calibrate_files
from .classes import ClassRepair, repair_classes, repair_regions
from .edit_tables import PlacedEdit, RepairedCase
from .edits import Edit, EditKind, Repair
from .figures import Figures
from .grid import RuleGrid
from .mask_repair import repair_mask
from .probability_files import read_probability
from .probability_map import ChannelLabels, ProbabilityMap
from .repair_files import repair_files
from .rules import RepairRules
from .transforms import RepairMask, RepairMaskd

__all__ = [
    "Calibration",
    "ChannelLabels",
    "ClassRepair",
    "Edit",
    "EditKind",
    "Figures",
    "PlacedEdit",
    "ProbabilityMap",
    "Repair",
    "RepairMask",
    "RepairMaskd",
    "RepairRules",
    "RepairedCase",
    "RuleGrid",
    "calibrate_files",
    "calibrate_repair",
    "read_probability",
    "repair_classes",
    "repair_files",
    "repair_mask",
    "repair_regions",
]
