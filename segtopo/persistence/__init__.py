"""Persistent homology, exact, with the voxels or simplices that create and destroy each feature.

``compute_persistence`` works on images, NumPy arrays and torch tensors, and gives ``PersistencePairs``;
``persistence_diagrams`` works on torch tensors and gives differentiable ``PersistenceDiagram`` objects.
``filtered_complex_persistence``, ``lower_star_persistence`` and ``rips_persistence`` work on simplicial complexes and
give differentiable ``SimplicialDiagram`` objects.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
