from .betti_matching import BettiMatching, betti_matching
from .bottleneck_matching import match_bottleneck
from .diagram_distances import bottleneck_distance, wasserstein_distance
from .wasserstein_matching import match_wasserstein

__all__ = [
    "BettiMatching",
    "betti_matching",
    "bottleneck_distance",
    "match_bottleneck",
    "match_wasserstein",
    "wasserstein_distance",
]
