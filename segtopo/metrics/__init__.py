"""Scores of segmentations: one module per family, functions ``compute_x`` and MONAI metrics ``XMetric``.

Every function takes binary masks of shape (B, C, H, W[, D]) on any device and scores each item and channel
separately; every metric class accumulates the scores over batches like ``monai.metrics.DiceMetric``. A score is one
number, also of features of several dimensions: their sum. ``reduce_dimensions=False`` keeps the dimensions apart.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
