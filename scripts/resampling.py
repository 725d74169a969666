"""Measures the loss of contrast and of topology when images and labels of vessels are resampled.

python scripts/resampling.py [MASK ...]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from skimage.transform import resize

from segtopo.inference.grids import TrainingGrid
from segtopo.inference.resampling import resample_labels
from segtopo.masks import betti_numbers
from segtopo.phantoms import vessel_phantom
from segtopo.volumes import read_mask

FACTORS = (0.6, 0.8, 1.3, 1.7)
ORDERS = {"linear": 1, "cubic": 3}
SPACING = (1.0, 1.0, 1.0)


def print_contrast() -> None:
    """Prints the mean change in the vessels of a phantom without noise that is resampled there and back."""
    phantom = vessel_phantom((96, 88, 80), seed=3, loops=1, noise=0.0)
    print("factor  " + "  ".join(f"{name:>8}" for name in ORDERS))
    for factor in FACTORS:
        shape = tuple(round(length * factor) for length in phantom.image.shape)
        changes = []
        for order in ORDERS.values():
            there = resize(phantom.image, shape, order=order, mode="edge", anti_aliasing=True)
            back = resize(there, phantom.image.shape, order=order, mode="edge", anti_aliasing=True)
            changes.append(float((back - phantom.image)[phantom.label].mean()))
        print(f"{factor:6}  " + "  ".join(f"{change:8.4f}" for change in changes))


def print_topology(path: Path) -> None:
    """Prints the Betti numbers of a mask, and of its resampled labels without and with centrelines."""
    mask = read_mask(path)
    labels = mask.array.astype(np.uint8)
    shape = TrainingGrid.of(mask, SPACING, mask.ndim).shape
    native = TrainingGrid.of(mask, "native", mask.ndim).labels_to_grid(labels, [(1,)])
    # Without structures there is nothing to draw centrelines of.
    nearest, centrelines = (resample_labels(native, shape, structures) for structures in ([], [(1,)]))
    print(f"{path.name}: {betti_numbers(labels > 0)}, at {SPACING} mm")
    print(f"  nearest value: {betti_numbers(nearest > 0)}")
    print(f"  with centrelines: {betti_numbers(centrelines > 0)}")


if __name__ == "__main__":
    print_contrast()
    for argument in sys.argv[1:]:
        print_topology(Path(argument))
