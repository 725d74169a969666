"""Trainers of nnU-Net with a topological loss, for the option ``-tr`` of its commands."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
