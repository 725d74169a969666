"""From a checkpoint and images to masks with the geometry of their images."""

from segtopo.inference.predict import predict

__all__ = ["predict"]
