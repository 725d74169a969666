"""Vessel phantoms whose Betti numbers are known by construction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from segtopo.errors import InputError
from segtopo.masks.components import Mask
from segtopo.phantoms.appearance import Appearance, Image, Seed, simulate_intensities, thin_branches
from segtopo.phantoms.vessel_network import grow_network

LEAST_SIZE = 32


@dataclass(frozen=True, eq=False)
class Phantom:
    """A simulated image of vessels.

    Attributes:
        image: float32, values in [0, 1].
        label: bool, of the same shape: where the vessels are.
        betti_numbers: Components and loops (and cavities in 3D) of the label, its foreground having full
            connectivity.
    """

    image: Image
    label: Mask
    betti_numbers: tuple[int, ...]


def vessel_phantom(
    shape: Sequence[int] = (128, 160),
    *,
    seed: Seed = 0,
    trees: int = 1,
    loops: int = 0,
    noise: float = 0.08,
    gaps: int = 6,
    appearance: Appearance | None = None,
) -> Phantom:
    """Makes an image of branching, curved, tapering vessels, with its label.

    Trees grow from the border of the image and touch neither themselves nor each other; an anastomosis joins
    two places of one tree and closes a loop. So there are as many components as trees and as many loops as
    anastomoses. The voxels are checked to have these Betti numbers after every branch, and a branch that
    would change them is grown anew.

    Args:
        shape: Two or three axes of at least 32 voxels.
        seed: Seed of the random generator; the same seed gives the same phantom.
        trees: Number of components.
        loops: Number of loops.
        noise: Standard deviation of the noise, where the image lies in [0, 1].
        gaps: At most this many places where a branch is nearly invisible in the image; the label is connected
            there.
        appearance: Everything else about the intensities.

    Returns:
        The phantom.

    Raises:
        InputError: If an argument is out of range or the shape leaves no room for so many trees and loops.

    Example:
        >>> phantom = vessel_phantom((96, 112), seed=7, loops=1)
        >>> phantom.image.shape, phantom.label.dtype, phantom.betti_numbers
        ((96, 112), dtype('bool'), (1, 1))
    """
    size = tuple(int(length) for length in shape)
    if len(size) not in (2, 3) or min(size) < LEAST_SIZE:
        raise InputError(f"shape is {size}; expected 2 or 3 axes of at least {LEAST_SIZE} voxels")
    for name, value, least in (("trees", trees, 1), ("loops", loops, 0), ("gaps", gaps, 0)):
        if value < least:
            raise InputError(f"{name} is {value}; expected at least {least}")
    rng = np.random.default_rng(seed)
    network = grow_network(size, trees, loops, rng)
    look = replace(appearance or Appearance(), noise=noise)
    thin = thin_branches(network.mask, look.gap_size, np.ones(len(size)))
    image = simulate_intensities(
        network.mask,
        gap_density=10_000 * gaps / max(len(thin), 1),
        appearance=look,
        seed=int(rng.integers(2**63)),
    )
    return Phantom(image, network.mask, network.betti_numbers)
