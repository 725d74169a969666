from .betti_matching import BettiMatchingLoss
from .betti_prior import BettiPrior, BettiPriorLoss
from .combined_topology import CombinedTopologyLoss
from .deep_supervision import DeepSupervisionLoss
from .diagram_distance import DiagramDistanceLoss
from .loop_h1 import LoopLossH1
from .schedules import TopologySchedule
from .skeleton_recall import SkeletonRecallLoss, tubed_skeleton
from .soft_cldice import SoftclDiceLoss
from .topo import TopoLoss
from .topology_weight import TopologyWeight
from .total_persistence import TotalPersistenceLoss

__all__ = [
    "BettiMatchingLoss",
    "BettiPrior",
    "BettiPriorLoss",
    "CombinedTopologyLoss",
    "DeepSupervisionLoss",
    "DiagramDistanceLoss",
    "LoopLossH1",
    "SkeletonRecallLoss",
    "SoftclDiceLoss",
    "TopoLoss",
    "TopologySchedule",
    "TopologyWeight",
    "TotalPersistenceLoss",
    "tubed_skeleton",
]
