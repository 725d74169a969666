"""Vessel phantoms with known Betti numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from segtopo.errors import InputError, mismatch
from segtopo.masks.components import Mask
from segtopo.phantoms.appearance import Appearance, Image, Seed, simulate_intensities, thin_branches
from segtopo.phantoms.vessel_network import grow_network

_LEAST_SIZE = 32


@dataclass(frozen=True, eq=False)
class Phantom:
    """A simulated image of vessels with its label.

    Attributes:
        image: float32 image with values in [0, 1].
        label: Boolean mask of the vessels, of the same shape.
        betti_numbers: Numbers of components, loops and (3D) cavities of the label, which is 8- or 26-connected.
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
    """Simulates an image of branching, curved and tapering vessels with its label.

    Trees grow from the border of the image. They touch neither themselves nor other trees, so each tree is a component
    of the label. An anastomosis connects two points of a tree and closes a loop. The Betti numbers of the mask are
    checked for every new branch; a branch that changes them in another way is rejected.

    Args:
        shape: Number of voxels along each of the 2 or 3 axes, at least 32. A voxel is 1 mm wide.
        seed: Seed of the random generator, at least 0. The same seed gives the same phantom.
        trees: Number of components, at least 1.
        loops: Number of loops, at least 0.
        noise: Standard deviation of the noise in the image. It replaces that of ``appearance``.
        gaps: Largest number of gaps, at least 0. In a gap a branch nearly vanishes in the image; the label has no gap.
        appearance: Intensities and sizes.

    Returns:
        The image, the label and its Betti numbers.

    Raises:
        InputError: An argument is out of range, or the shape is too small for the trees and loops.

    Example:
        >>> phantom = vessel_phantom((96, 112), seed=7, loops=1)
        >>> phantom.image.shape, phantom.label.dtype, phantom.betti_numbers
        ((96, 112), dtype('bool'), (1, 1))
    """
    size = tuple(int(length) for length in shape)
    if len(size) not in (2, 3) or min(size) < _LEAST_SIZE:
        raise InputError(mismatch("shape", got=size, expected=f"2 or 3 axes of at least {_LEAST_SIZE} voxels"))
    for name, value, least in (("trees", trees, 1), ("loops", loops, 0), ("gaps", gaps, 0)):
        if value < least:
            raise InputError(mismatch(name, got=value, expected=f"at least {least}"))
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
