"""Distances of persistence diagrams, and Betti matching of images.

``bottleneck_distance`` and ``wasserstein_distance`` are differentiable in both diagrams. ``match_bottleneck`` and
``match_wasserstein`` return the optimal matchings behind them. ``betti_matching`` matches the features of two images
by their location.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
