from . import nnunet

__all__ = ["nnunet"]
