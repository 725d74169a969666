"""Trained networks in the formats of other programs: ONNX, TorchScript and a MONAI bundle, with a model card."""

from segtopo.inference.export.exports import ExportError, export

__all__ = ["ExportError", "export"]
