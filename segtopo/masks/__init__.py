"""Binary masks: components, Betti numbers, skeletons, and the comparison of two masks.

Masks are single arrays here. :mod:`segtopo.metrics` scores batches of torch tensors with the same functions.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
