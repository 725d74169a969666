"""Topological repair of probability maps: pieces joined, specks removed, holes filled, each edit named and undoable."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
