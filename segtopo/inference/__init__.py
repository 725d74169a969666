"""Prediction: masks of images, from the checkpoint of a trained network."""

from segtopo.inference.predict import predict

__all__ = ["predict"]
