"""Tiny images with a bright bar each, and a config with which a network learns them in a second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from segtopo.volumes import Volume, write_volume

AFFINE = np.array([[0.7, 0.1, 0, -3], [-0.1, 0.8, 0, 5], [0, 0, 1.5, 7.25], [0, 0, 0, 1.0]])


def make_cases(folder: Path, shape: tuple[int, ...], count: int = 4, extension: str = ".nii.gz") -> Path:
    """Writes ``folder/images`` and ``folder/labels`` with ``count`` cases of this shape."""
    generator = np.random.default_rng(0)
    for number in range(count):
        mask = np.zeros(shape, bool)
        mask[2 + number : 5 + number, 1:-2] = True
        noisy = 100 * mask + generator.normal(60, 12, shape)
        like = Volume(mask, AFFINE) if extension == ".nii.gz" else None
        name = f"case_{number}{extension}"
        write_volume(folder / "images" / name, noisy.clip(0, 255).astype(np.uint8), like)
        write_volume(folder / "labels" / name, mask, like)
    return folder


def tiny_config(data: Path, out: Path, dimensions: int = 2) -> dict[str, Any]:
    """A config as plain data, for the cases in ``data``."""
    return {
        "out": str(out),
        "data": {
            "train": {"images": str(data / "images"), "labels": str(data / "labels")},
            "split": {"fraction": 0.25},
            "normalization": {"name": "ZScore"},
        },
        "transforms": [
            {"name": "RandFlip"},
            {"name": "RandAffine", "prob": 0.5},
            {"name": "RandGaussianNoise", "prob": 0.5},
        ],
        "network": {"name": "UNet", "channels": [4, 8], "num_res_units": 1, "dropout": 0.1},
        "loss": {"name": "DiceCELoss", "include_background": False},
        "optimizer": {"name": "AdamW", "lr": 0.01},
        "schedule": {"name": "Cosine", "warmup_epochs": 1},
        "patch_size": [16, 12, 8][:dimensions],
        "batch_size": 2,
        "epochs": 3,
        "iterations_per_epoch": 4,
        "device": "cpu",
    }


def write_config(path: Path, config: dict[str, Any]) -> Path:
    """Writes a config file."""
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return path
