"""Topological losses with the conventions of :mod:`monai.losses`."""

from segtopo.losses.combined import CombinedTopologyLoss
from segtopo.losses.topo_loss import TopoLoss

__all__ = ["CombinedTopologyLoss", "TopoLoss"]
