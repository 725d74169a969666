"""Exact persistent homology, with the voxels or simplices that create and destroy each feature.

``compute_persistence`` takes a NumPy array or torch tensor and returns ``PersistencePairs``; ``write_pairs`` writes
them to a file. ``persistence_diagrams`` and ``batch_persistence_diagrams`` take torch tensors and return differentiable
``PersistenceDiagram`` objects. ``filtered_complex_persistence``, ``lower_star_persistence`` and ``rips_persistence``
take simplicial complexes and return differentiable ``SimplicialDiagram`` objects.

The data of images pass through these modules:

* ``inputs`` checks arguments and converts images to the dtypes of the kernel.
* The kernel, ``segtopo._native``, computes the pairs of critical voxels.
* ``barcodes`` keeps the bars of a batch of images in columns, as losses and metrics use them.
* ``cubical`` and ``pairs`` turn the bars of one image into pairs with coordinates, ``cubical_diagram`` into
  differentiable diagrams.

For simplicial complexes, ``simplicial_complex`` reads the simplices, ``filtered_complex`` and ``rips`` call the kernel,
and ``simplicial_diagram`` builds the diagrams.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
