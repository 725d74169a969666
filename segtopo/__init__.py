"""Topologically correct medical image segmentation.

The rooms, from the ground up: ``segtopo.persistence``, ``segtopo.matching``, ``segtopo.losses``,
``segtopo.metrics``, ``segtopo.volumes``, ``segtopo.training``, ``segtopo.evaluation``. Import what you need from
them; nothing heavy loads before it is used.
"""

__version__ = "0.1.0"
