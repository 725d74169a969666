"""Repair rules for small images."""

from typing import Any

from segtopo.repair import RepairRules


def rules_of(**options: Any) -> RepairRules:
    """Rules without least sizes, unless they are given: the default ones would empty a small image."""
    return RepairRules(**{"min_piece_size": 0.0, "min_hole_size": 0.0, **options})
