"""Topologically correct medical image segmentation.

``import segtopo; segtopo.losses.BettiMatchingLoss`` works: a package loads when it is first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

__version__ = "0.1.0"
