"""Topological losses with the conventions of :mod:`monai.losses`."""

from segtopo.losses.betti_matching import BettiMatchingLoss
from segtopo.losses.betti_prior import BettiPrior, BettiPriorLoss
from segtopo.losses.combined_topology import CombinedTopologyLoss
from segtopo.losses.deep_supervision import DeepSupervisionLoss
from segtopo.losses.diagram_distance import DiagramDistanceLoss
from segtopo.losses.loop_h1 import LoopLossH1
from segtopo.losses.schedules import TopologySchedule
from segtopo.losses.skeleton_recall import SkeletonRecallLoss, tubed_skeleton
from segtopo.losses.soft_cldice import SoftclDiceLoss
from segtopo.losses.topo import TopoLoss
from segtopo.losses.total_persistence import TotalPersistenceLoss

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
    "TotalPersistenceLoss",
    "tubed_skeleton",
]
