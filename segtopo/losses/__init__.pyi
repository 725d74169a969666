from .betti_matching import BettiMatchingLoss as BettiMatchingLoss
from .betti_prior import BettiPrior as BettiPrior
from .betti_prior import BettiPriorLoss as BettiPriorLoss
from .combined_topology import CombinedTopologyLoss as CombinedTopologyLoss
from .deep_supervision import DeepSupervisionLoss as DeepSupervisionLoss
from .diagram_distance import DiagramDistanceLoss as DiagramDistanceLoss
from .loop_h1 import LoopLossH1 as LoopLossH1
from .schedules import TopologySchedule as TopologySchedule
from .skeleton_recall import SkeletonRecallLoss as SkeletonRecallLoss
from .skeleton_recall import tubed_skeleton as tubed_skeleton
from .soft_cldice import SoftclDiceLoss as SoftclDiceLoss
from .topo import TopoLoss as TopoLoss
from .total_persistence import TotalPersistenceLoss as TotalPersistenceLoss

__all__: list[str]
