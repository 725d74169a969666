"""Networks of vessels with given numbers of trees and loops."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from segtopo.errors import InputError, mismatch
from segtopo.masks import betti_numbers
from segtopo.masks.components import Mask
from segtopo.phantoms.vessel_trees import (
    CLEARANCE,
    MURRAY,
    Branch,
    Contact,
    Points,
    arched_path,
    curved_path,
    draw,
    free_points,
    inside,
    length_of,
    perpendicular,
    tilted,
    up_to_first_obstacle,
)

_NETWORKS_TRIED = 40
_ROOTS_TRIED = 30
_ARCHES_TRIED = 300
_LEAST_BRANCHES, _MOST_BRANCHES = 4, 28  # of a tree; of the network
_LEAST_RADIUS = {2: 1.0, 3: 1.4}  # voxels; blur reduces the contrast of a thin vessel more in 3D than in 2D


@dataclass
class VesselNetwork:
    """A growing network: the mask of its vessels, their branches, and the numbers of trees and loops."""

    mask: Mask
    branches: list[Branch]
    trees: int = 0
    loops: int = 0

    @property
    def betti_numbers(self) -> tuple[int, ...]:
        """Betti numbers by construction: one component for each tree, one loop for each anastomosis, no cavity."""
        return (self.trees, self.loops, 0)[: self.mask.ndim]

    def add_if_valid(self, branch: Branch, *, trees: int = 0, loops: int = 0) -> bool:
        """Adds a branch if the new mask has the expected Betti numbers.

        Args:
            branch: The branch.
            trees: Number of trees that the branch adds.
            loops: Number of loops that the branch adds.

        Returns:
            Whether the branch was added.
        """
        mask = draw(self.mask, branch)
        if betti_numbers(mask) != (self.trees + trees, self.loops + loops, 0)[: mask.ndim]:
            return False
        self.mask, self.trees, self.loops = mask, self.trees + trees, self.loops + loops
        self.branches.append(branch)
        return True


def grow_network(shape: tuple[int, ...], trees: int, loops: int, rng: np.random.Generator) -> VesselNetwork:
    """Grows trees from the border of the image and closes loops in them.

    Raises:
        InputError: The image is too small for the trees and loops.
    """
    for _ in range(_NETWORKS_TRIED):
        network = VesselNetwork(np.zeros(shape, bool), [])
        planted = all(_plant(network, rng) for _ in range(trees))
        if planted and _branch_out(network, rng) and all(_close_loop(network, rng) for _ in range(loops)):
            return network
    raise InputError(mismatch("shape", got=shape, expected=f"a larger image for {trees} trees with {loops} loops"))


def _plant(network: VesselNetwork, rng: np.random.Generator) -> bool:
    """Adds the trunk of a new tree; returns whether there was space for it."""
    return any(network.add_if_valid(root, trees=1) for root in _roots(network, rng))


def _branch_out(network: VesselNetwork, rng: np.random.Generator) -> bool:
    """Grows all trees breadth first, so that each gets its space; returns whether each has enough branches."""
    growing = deque(network.branches)
    while growing and len(network.branches) < _MOST_BRANCHES:
        for child in _children(network, growing.popleft(), rng):
            if len(network.branches) < _MOST_BRANCHES and network.add_if_valid(child):
                growing.append(child)
    sizes = np.bincount([branch.tree for branch in network.branches], minlength=network.trees)
    return bool(sizes.min() >= _LEAST_BRANCHES)


def _roots(network: VesselNetwork, rng: np.random.Generator) -> Iterator[Branch]:
    """Yields candidates for the trunk of a new tree, each from a random face of the image towards its centre."""
    shape = np.array(network.mask.shape)
    for _ in range(_ROOTS_TRIED):
        face, axis = rng.integers(2), rng.integers(len(shape))
        start = rng.uniform(0.15, 0.85, len(shape)) * (shape - 1)
        start[axis] = face * (shape[axis] - 1)
        aim = rng.uniform(0.35, 0.65, len(shape)) * (shape - 1) - start
        length = rng.uniform(0.4, 0.6) * shape.min()
        points = curved_path(rng, start, aim / np.linalg.norm(aim), length)
        radius = 1.2 * _LEAST_RADIUS[len(shape)] + rng.uniform(0.014, 0.02) * shape.min()
        root = _tapered_and_clear(network, points, radius, [], tree=network.trees, from_border=True)
        if root is not None:
            yield root


def _children(network: VesselNetwork, parent: Branch, rng: np.random.Generator) -> Iterator[Branch]:
    """Yields candidates for the children of a branch: two at its end and two at its sides."""
    radius = float(parent.radii[-1]) * MURRAY
    least = _LEAST_RADIUS[network.mask.ndim]
    last = len(parent.points) - 1
    side = perpendicular(rng, _direction(parent, last))
    forks = [(last, side), (last, -side)]
    for at, towards in forks + [(int(last * rng.uniform(0.25, 0.8)), None) for _ in range(2)]:
        if radius < 0.7 * least:
            continue
        direction = tilted(rng, _direction(parent, at), rng.uniform(30, 60), towards)
        length = rng.uniform(0.25, 0.45) * min(network.mask.shape)
        points = curved_path(rng, parent.points[at], direction, length)
        thickness = max(radius * rng.uniform(0.85, 1.0), least)
        contact = _contact(parent, at, thickness)
        child = _tapered_and_clear(network, points, thickness, [contact], tree=parent.tree)
        if child is not None:
            yield child


def _close_loop(network: VesselNetwork, rng: np.random.Generator) -> bool:
    """Connects two points of a tree by an arch that touches no other branch; returns whether this closed a loop."""
    extent = max(network.mask.shape)
    for _ in range(_ARCHES_TRIED):
        a, b = (network.branches[index] for index in rng.integers(len(network.branches), size=2))
        at_a, at_b = int(rng.integers(len(a.points))), int(rng.integers(len(b.points)))
        radius = max(0.9 * min(a.radii[at_a], b.radii[at_b]), _LEAST_RADIUS[network.mask.ndim])
        contacts = [_contact(a, at_a, radius), _contact(b, at_b, radius)]
        distance = float(np.linalg.norm(a.points[at_a] - b.points[at_b]))
        reach = sum(contact.reach for contact in contacts)
        if a.tree != b.tree or not reach < distance < reach + 0.3 * extent:
            continue
        points = arched_path(rng, a.points[at_a], b.points[at_b])
        arch = Branch(points, np.full(len(points), radius), a.tree)
        clear = free_points(arch, network.branches, contacts) & inside(arch, network.mask.shape, from_border=False)
        if clear.all() and network.add_if_valid(arch, loops=1):
            return True
    return False


def _tapered_and_clear(
    network: VesselNetwork,
    points: Points,
    radius: float,
    contacts: list[Contact],
    *,
    tree: int,
    from_border: bool = False,
) -> Branch | None:
    """Returns a tapering branch along the points, cut at the first obstacle; None if the remaining part is short."""
    radii = np.maximum(np.linspace(radius, 0.8 * radius, len(points)), _LEAST_RADIUS[network.mask.ndim])
    branch = Branch(points, radii, tree)
    clear = free_points(branch, network.branches, contacts) & inside(branch, network.mask.shape, from_border)
    branch = up_to_first_obstacle(branch, clear)
    stump = max((contact.reach for contact in contacts), default=4 * radius)
    return branch if length_of(branch) > stump + CLEARANCE else None


def _contact(branch: Branch, at: int, radius: float) -> Contact:
    """Returns the contact of a branch with a new branch that starts at one of its points."""
    # A fork has an angle of at least 30 degrees, so from this distance on the two walls are a clearance apart.
    return Contact(branch.points[at], 2 * (float(branch.radii[at]) + radius + CLEARANCE))


def _direction(branch: Branch, at: int) -> Points:
    """Returns the unit tangent of the centreline at a point."""
    before, after = max(at - 3, 0), min(at + 3, len(branch.points) - 1)
    tangent = branch.points[after] - branch.points[before]
    return np.asarray(tangent / np.linalg.norm(tangent))
