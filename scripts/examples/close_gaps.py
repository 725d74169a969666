"""Gradient descent on the Betti matching loss alone closes gaps in vessels and opens a spurious loop.

Prints the Betti numbers before and after the descent, and draws the probability maps:

    python scripts/examples/close_gaps.py
    python scripts/examples/close_gaps.py --out runs/close_gaps.png
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from scipy.ndimage import distance_transform_edt, gaussian_filter

from segtopo.losses import BettiMatchingLoss
from segtopo.metrics import compute_betti_numbers

Mask = npt.NDArray[np.bool_]
STEPS, RATE = 150, 20.0


# The images: simulated predictions and their labels


def tube(shape: tuple[int, ...], centreline: npt.ArrayLike, radius: float) -> Mask:
    """Returns the voxels within a radius of a centreline, densely sampled points ``(n, ndim)``."""
    outside = np.ones(shape, dtype=bool)
    outside[tuple(np.round(centreline).astype(int).T)] = False
    return distance_transform_edt(outside) <= radius


def winding_vessel(shape: tuple[int, ...], radius: float) -> Mask:
    """Returns a vessel along the last axis, with waves along the other axes."""
    along = np.linspace(0, 1, 1000)
    across = [n * (0.5 + 0.22 * np.sin(2 * np.pi * along + 1.5 * k)) for k, n in enumerate(shape[:-1])]
    return tube(shape, np.stack([*across, along * (shape[-1] - 1)], axis=1), radius)


def with_gap(label: Mask, voxels: int = 3) -> Mask:
    """Removes a slab from the middle of a vessel."""
    start = (label.shape[-1] - voxels) // 2
    broken = label.copy()
    broken[..., start : start + voxels] = False
    return broken


def fork(shape: tuple[int, int], radius: float) -> Mask:
    """Returns a vessel that splits into two branches."""
    (height, width), along = shape, np.linspace(0, 1, 1000)
    spread = 0.28 * height * np.sqrt(np.clip(along - 0.25, 0, None))
    branches = [np.stack([height / 2 + side * spread, along * (width - 1)], axis=1) for side in (-1.2, 1.2)]
    return tube(shape, np.concatenate(branches), radius)


def with_bridge(label: Mask, radius: float = 1.5) -> Mask:
    """Adds a false vessel between the branches."""
    height, width = label.shape
    rows = np.arange(round(0.22 * height), round(0.78 * height))
    bridge = tube((height, width), np.stack([rows, 0.7 * width + 0.1 * rows], axis=1), radius)
    between = np.isin(np.arange(height), rows)
    return label | (bridge & between[:, None])


def predicted_logits(mask: Mask) -> torch.Tensor:
    """Simulates the logits ``(1, 1, *spatial)`` of a network: soft walls and smooth noise."""
    noise = gaussian_filter(np.random.default_rng(0).standard_normal(mask.shape), 2)
    logits = 9 * (gaussian_filter(mask.astype(np.float32), 1.2) - 0.5) + 0.7 * noise / noise.std()
    return torch.from_numpy(logits.astype(np.float32))[None, None]


# Descent


def descend(logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """Returns the logits after gradient descent on the loss alone.

    The descent changes a smooth correction, because the output of networks is smooth.
    """
    loss_function = BettiMatchingLoss(sigmoid=True, threshold=0.8)
    correction = torch.zeros_like(logits).requires_grad_()
    optimizer = torch.optim.SGD([correction], lr=RATE)
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss_function(logits + smooth(correction), label).backward()
        optimizer.step()
    return (logits + smooth(correction)).detach()


def smooth(image: torch.Tensor) -> torch.Tensor:
    """Averages each voxel with its neighbours, twice."""
    mean = F.avg_pool2d if image.ndim == 4 else F.avg_pool3d
    return mean(mean(image, 3, stride=1, padding=1), 3, stride=1, padding=1)


def betti_numbers(logits: torch.Tensor) -> list[int]:
    """Returns the Betti numbers of the segmentation at probability 0.5."""
    numbers: list[int] = compute_betti_numbers((logits > 0).float())[0, 0].tolist()
    return numbers


# Reporting


def draw(axis: Any, title: str, logits: torch.Tensor, label: Mask) -> None:
    """Draws a probability map, its contour at 0.5 and the contour of the label.

    3D images are projected along the first axis.
    """
    probability = logits.sigmoid()[0, 0].numpy()
    while probability.ndim > 2:
        probability, label = probability.max(axis=0), label.max(axis=0)
    axis.imshow(probability, cmap="gray", vmin=0, vmax=1)
    axis.contour(label, [0.5], colors="tab:cyan", linewidths=1)
    axis.contour(probability, [0.5], colors="tab:orange", linewidths=1.5)
    axis.set_title(title, fontsize="medium")
    axis.axis("off")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/close_gaps.png"), help="picture to write")
    out = parser.parse_args().out
    vessel, branches, volume = winding_vessel((64, 96), 3), fork((64, 96), 3), winding_vessel((40, 48, 72), 3)
    cases = {
        "a gap of 3 pixels": (with_gap(vessel), vessel),
        "a spurious loop": (with_bridge(branches), branches),
        "a gap of 3 voxels in 3D": (with_gap(volume), volume),
    }
    figure = Figure(figsize=(11, 5.8), layout="constrained")
    figure.supxlabel("orange: contour of the prediction at 0.5; blue: contour of the label", fontsize="medium")
    for column, (name, (mask, label)) in zip(figure.subplots(2, len(cases)).T, cases.items(), strict=True):
        before = predicted_logits(mask)
        after = descend(before, torch.from_numpy(label)[None, None].float())
        print(f"{name}: Betti numbers {betti_numbers(before)} before, {betti_numbers(after)} after")
        draw(column[0], f"{name}\nBetti numbers {betti_numbers(before)}", before, label)
        draw(column[1], f"after descent\nBetti numbers {betti_numbers(after)}", after, label)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110, bbox_inches="tight", pad_inches=0.1)
    print(out)


if __name__ == "__main__":
    main()
