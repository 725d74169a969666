"""Plans a training: a config that fits a data set."""

from segtopo.planning.plan import Plan, plan

__all__ = ["Plan", "plan"]
