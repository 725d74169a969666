"""Branches of vessels: centrelines, radii, and the distances between branches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segtopo.masks.components import Mask

Points = npt.NDArray[np.float64]

_STEP = 0.5  # voxels between points of a centreline; the balls around them then overlap
CLEARANCE = 2.5  # least distance in voxels between the walls of branches that are not connected
MURRAY = 2.0 ** (-1 / 3)  # radius of a child divided by that of its parent in a symmetric fork (Murray 1926)


@dataclass(frozen=True)
class Branch:
    """A tube.

    Attributes:
        points: Points of the centreline, ``(n, ndim)``, in voxels.
        radii: Radius of the tube at each point, ``(n,)``, in voxels.
        tree: Number of the tree to which the branch belongs.
    """

    points: Points
    radii: Points
    tree: int


@dataclass(frozen=True)
class Contact:
    """A ball in which a new branch may touch existing branches: centre and radius in voxels."""

    point: Points
    reach: float


def draw(mask: Mask, branch: Branch) -> Mask:
    """Copies a mask and adds the voxels whose centres are in the tube of a branch."""
    mask = mask.copy()
    reach = int(np.ceil(branch.radii.max())) + 1
    offsets = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * mask.ndim, indexing="ij"), -1).reshape(
        -1, mask.ndim
    )
    voxels = np.round(branch.points).astype(int)[:, None] + offsets
    inside = np.linalg.norm(voxels - branch.points[:, None], axis=-1) <= branch.radii[:, None]
    inside &= ((voxels >= 0) & (voxels < mask.shape)).all(-1)
    mask[tuple(voxels[inside].T)] = True
    return mask


def curved_path(rng: np.random.Generator, start: Points, direction: Points, length: float) -> Points:
    """Returns the points of a path with a given initial direction that bends to one side and winds slightly."""
    t = np.linspace(0, 1, max(2, int(length / _STEP)))[:, None]
    bend, winding = perpendicular(rng, direction), perpendicular(rng, direction)
    sideways = rng.uniform(0, 0.3) * t**2 * bend
    sideways = sideways + 0.04 * np.sin(2 * np.pi * rng.uniform(1, 2) * t) * winding * np.minimum(1, 4 * t)
    return start + length * (t * direction + sideways)


def arched_path(rng: np.random.Generator, start: Points, end: Points) -> Points:
    """Returns the points of an arch between two points (a quadratic Bezier curve)."""
    chord = end - start
    length = float(np.linalg.norm(chord))
    top = (start + end) / 2 + rng.uniform(0.1, 0.6) * length * perpendicular(rng, chord / length)
    t = np.linspace(0, 1, int(1.6 * length / _STEP))[:, None]
    return (1 - t) ** 2 * start + 2 * t * (1 - t) * top + t**2 * end


def perpendicular(rng: np.random.Generator, direction: Points) -> Points:
    """Returns a random unit vector perpendicular to a unit vector."""
    vector = rng.normal(size=direction.shape)
    vector -= (vector @ direction) * direction
    return np.asarray(vector / np.linalg.norm(vector))


def tilted(rng: np.random.Generator, direction: Points, degrees: float, towards: Points | None = None) -> Points:
    """Returns a unit vector at an angle to another one, tilted towards a perpendicular unit vector or at random."""
    side = perpendicular(rng, direction) if towards is None else towards
    return np.asarray(np.cos(np.deg2rad(degrees)) * direction + np.sin(np.deg2rad(degrees)) * side)


def free_points(branch: Branch, others: list[Branch], contacts: list[Contact]) -> Mask:
    """Selects the points of a branch that keep the clearance to other branches or are inside a contact."""
    from scipy.spatial.distance import cdist

    free = np.ones(len(branch.points), bool)
    for other in others:
        walls = branch.radii[:, None] + other.radii[None]
        free &= (cdist(branch.points, other.points) - walls).min(axis=1) >= CLEARANCE
    for contact in contacts:
        free |= np.linalg.norm(branch.points - contact.point, axis=1) <= contact.reach
    return free


def inside(branch: Branch, shape: tuple[int, ...], from_border: bool) -> Mask:
    """Selects the points at which the image contains the whole tube, with a margin.

    Args:
        branch: The branch.
        shape: Shape of the image.
        from_border: Also select the points near the first point, which is on the border of the image.
    """
    margin = branch.radii[:, None] + 2.0
    within = ((branch.points >= margin) & (branch.points <= np.array(shape) - 1 - margin)).all(axis=1)
    if from_border:
        within |= np.linalg.norm(branch.points - branch.points[0], axis=1) <= 2 * margin[0]
    return np.asarray(within)


def up_to_first_obstacle(branch: Branch, clear: Any) -> Branch:
    """Returns the part of a branch before the first point that is not clear."""
    end = len(clear) if clear.all() else int(np.argmin(clear))
    return Branch(branch.points[:end], branch.radii[:end], branch.tree)


def length_of(branch: Branch) -> float:
    """Returns the length of the centreline in voxels."""
    return float(np.linalg.norm(np.diff(branch.points, axis=0), axis=1).sum())
