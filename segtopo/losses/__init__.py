"""Topological losses with the conventions of :mod:`monai.losses`."""

from segtopo.losses.betti_matching_loss import BettiMatchingLoss
from segtopo.losses.combined import CombinedTopologyLoss
from segtopo.losses.topo_loss import TopoLoss

__all__ = ["BettiMatchingLoss", "CombinedTopologyLoss", "TopoLoss"]
