"""Centrelines and radii of branching vessels that touch nowhere but where they are joined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segtopo.masks.components import Mask

Points = npt.NDArray[np.float64]

STEP = 0.5  # voxels between points of a centreline: balls on it then leave no voxel gap
CLEARANCE = 2.5  # least number of voxels between the walls of branches that are not joined
MURRAY = 2.0 ** (-1 / 3)  # radius of each child over that of its parent in a symmetric bifurcation (Murray 1926)


@dataclass(frozen=True)
class Branch:
    """A tapering tube: centreline points ``(n, ndim)`` in voxels, their radii ``(n,)``, and its tree."""

    points: Points
    radii: Points
    tree: int


@dataclass(frozen=True)
class Contact:
    """A place where a new branch may touch existing ones, and the distance from it up to which it may."""

    point: Points
    reach: float


def draw(mask: Mask, branch: Branch) -> Mask:
    """A copy of ``mask`` with the branch in it: every voxel whose centre lies inside the tube."""
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
    """Points along a path that sets out in a direction, bends to one side and winds a little."""
    t = np.linspace(0, 1, max(2, int(length / STEP)))[:, None]
    bend, winding = perpendicular(rng, direction), perpendicular(rng, direction)
    sideways = rng.uniform(0, 0.3) * t**2 * bend
    sideways = sideways + 0.04 * np.sin(2 * np.pi * rng.uniform(1, 2) * t) * winding * np.minimum(1, 4 * t)
    return start + length * (t * direction + sideways)


def arched_path(rng: np.random.Generator, start: Points, end: Points) -> Points:
    """Points along an arch from one point to another (a quadratic Bezier curve)."""
    chord = end - start
    length = float(np.linalg.norm(chord))
    top = (start + end) / 2 + rng.uniform(0.1, 0.6) * length * perpendicular(rng, chord / length)
    t = np.linspace(0, 1, int(1.6 * length / STEP))[:, None]
    return (1 - t) ** 2 * start + 2 * t * (1 - t) * top + t**2 * end


def perpendicular(rng: np.random.Generator, direction: Points) -> Points:
    """A random unit vector at a right angle to a unit vector."""
    vector = rng.normal(size=direction.shape)
    vector -= (vector @ direction) * direction
    return np.asarray(vector / np.linalg.norm(vector))


def tilted(rng: np.random.Generator, direction: Points, degrees: float, towards: Points | None = None) -> Points:
    """The unit vector at an angle to another one, to a side that may be given."""
    side = perpendicular(rng, direction) if towards is None else towards
    return np.asarray(np.cos(np.deg2rad(degrees)) * direction + np.sin(np.deg2rad(degrees)) * side)


def free_points(branch: Branch, others: list[Branch], contacts: list[Contact]) -> Mask:
    """Which points of a branch keep their clearance from the others, or lie near a contact."""
    from scipy.spatial.distance import cdist

    free = np.ones(len(branch.points), bool)
    for other in others:
        walls = branch.radii[:, None] + other.radii[None]
        free &= (cdist(branch.points, other.points) - walls).min(axis=1) >= CLEARANCE
    for contact in contacts:
        free |= np.linalg.norm(branch.points - contact.point, axis=1) <= contact.reach
    return free


def inside(branch: Branch, shape: tuple[int, ...], from_border: bool) -> Mask:
    """Which points lie so far inside that the tube is not cut, unless it comes from the border."""
    margin = branch.radii[:, None] + 2.0
    within = ((branch.points >= margin) & (branch.points <= np.array(shape) - 1 - margin)).all(axis=1)
    if from_border:
        within |= np.linalg.norm(branch.points - branch.points[0], axis=1) <= 2 * margin[0]
    return np.asarray(within)


def up_to_first_obstacle(branch: Branch, clear: Any) -> Branch:
    """The part of a branch before the first point that is not clear."""
    end = len(clear) if clear.all() else int(np.argmin(clear))
    return Branch(branch.points[:end], branch.radii[:end], branch.tree)


def length_of(branch: Branch) -> float:
    """Length of the centreline in voxels."""
    return float(np.linalg.norm(np.diff(branch.points, axis=0), axis=1).sum())
