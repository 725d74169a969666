"""Masks whose Betti numbers are known by construction.

All are thick enough for both constructions to agree, except those named in `CONNECTIVITY_MASKS`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class KnownMask(NamedTuple):
    """A mask and its Betti numbers (b0, b1[, b2]) under V (4/6-connected) and under T (8/26-connected)."""

    name: str
    mask: np.ndarray
    betti_v: tuple[int, ...]
    betti_t: tuple[int, ...]


def grid(shape: tuple[int, ...]) -> list[np.ndarray]:
    """The coordinate of every voxel along each axis."""
    return list(np.indices(shape).astype(float))


def ball(shape: tuple[int, ...], centre: tuple[float, ...], radius: float) -> np.ndarray:
    """A disk in 2D, a ball in 3D."""
    return distance(shape, centre) <= radius


def shell(shape: tuple[int, ...], centre: tuple[float, ...], inner: float, outer: float) -> np.ndarray:
    """An annulus in 2D, a hollow ball in 3D."""
    r = distance(shape, centre)
    return (r >= inner) & (r <= outer)


def distance(shape: tuple[int, ...], centre: tuple[float, ...]) -> np.ndarray:
    return np.sqrt(sum((x - c) ** 2 for x, c in zip(grid(shape), centre, strict=True)))


def distance_to_circle(shape: tuple[int, int, int], centre: tuple[float, ...], radius: float) -> np.ndarray:
    """Distance to the circle of that radius around `centre` in the plane of the last two axes."""
    z, y, x = (c - m for c, m in zip(grid(shape), centre, strict=True))
    return np.hypot(np.hypot(y, x) - radius, z)


def disks(count: int) -> np.ndarray:
    """`count` disks in a row."""
    shape = (11, 9 * count + 2)
    return np.logical_or.reduce([ball(shape, (5, 5 + 9 * i), 3) for i in range(count)])


def nested_annuli(count: int) -> np.ndarray:
    side = 12 * count + 4
    shape, centre = (side, side + 5), (side / 2, side / 2)
    return np.logical_or.reduce([shell(shape, centre, 6 * i + 3, 6 * i + 5.5) for i in range(count)])


def window(shape: tuple[int, int]) -> np.ndarray:
    """Bars with panes between them: every second pixel of every second row is open."""
    mask = np.ones(shape, bool)
    mask[1::2, 1::2] = False
    return mask


def handlebody(genus: int) -> np.ndarray:
    """A slab with `genus` holes through it."""
    mask = np.zeros((5, 9, 6 * genus + 5), bool)
    mask[1:4, 1:8, 1:-1] = True
    for i in range(genus):
        mask[:, 3:6, 6 * i + 4 : 6 * i + 7] = False
    return mask


def linked_rings() -> np.ndarray:
    """Two solid tori, each passing through the other's hole."""
    shape = (27, 30, 40)
    flat = distance_to_circle(shape, (13, 14, 13), 9) <= 2.5
    upright = np.swapaxes(distance_to_circle((30, 27, 40), (14, 13, 22), 9) <= 2.5, 0, 1)
    return flat | upright


def checkerboard(shape: tuple[int, ...]) -> np.ndarray:
    return np.indices(shape).sum(axis=0) % 2 == 0


def diagonal(shape: tuple[int, ...]) -> np.ndarray:
    mask = np.zeros(shape, bool)
    steps = np.arange(min(shape))
    mask[(steps,) * len(shape)] = True
    return mask


def _both(name: str, mask: np.ndarray, *betti: int) -> KnownMask:
    return KnownMask(name, mask, betti, betti)


MASKS = [
    _both("empty 2D", np.zeros((5, 7), bool), 0, 0),
    _both("full 2D", np.ones((5, 7), bool), 1, 0),
    _both("one pixel", ball((5, 7), (2, 3), 0), 1, 0),
    _both("row of pixels", np.ones((1, 7), bool), 1, 0),
    _both("3 disks", disks(3), 3, 0),
    _both("7 disks", disks(7), 7, 0),
    _both("ring", shell((17, 20), (8, 9), 4, 7), 1, 1),
    _both("ring cut by the border", shell((17, 20), (0, 9), 4, 7), 1, 0),
    _both("ring along the border", np.pad(np.zeros((3, 5), bool), 1, constant_values=True), 1, 1),
    _both("3 nested annuli", nested_annuli(3), 3, 3),
    _both("window of 2 x 3 panes", window((5, 7)), 1, 6),
    _both("empty 3D", np.zeros((4, 5, 6), bool), 0, 0, 0),
    _both("full 3D", np.ones((4, 5, 6), bool), 1, 0, 0),
    _both("line of voxels", np.ones((1, 1, 6), bool), 1, 0, 0),
    _both("ball", ball((13, 14, 16), (6, 6, 7), 5), 1, 0, 0),
    _both("shell", shell((15, 16, 18), (7, 7, 8), 3, 6), 1, 0, 1),
    _both(
        "ball in a shell",
        shell((21, 22, 24), (10, 10, 11), 6, 9) | ball((21, 22, 24), (10, 10, 11), 3),
        2,
        0,
        1,
    ),
    _both("ring in one slice", shell((17, 20), (8, 9), 4, 7)[:, None], 1, 1, 0),
    _both("torus", distance_to_circle((11, 26, 28), (5, 12, 13), 8) <= 3, 1, 1, 0),
    _both(
        "hollow torus",
        np.abs(distance_to_circle((17, 40, 42), (8, 19, 20), 12) - 4.5) <= 1.5,
        *(1, 2, 1),
    ),
    _both("genus 3", handlebody(3), 1, 3, 0),
    _both("genus 5", handlebody(5), 1, 5, 0),
    _both("linked rings", linked_rings(), 2, 2, 0),
]

CONNECTIVITY_MASKS = [
    KnownMask("checkerboard 5 x 7", checkerboard((5, 7)), (18, 0), (1, 7)),
    KnownMask("diagonal 2D", diagonal((5, 7)), (5, 0), (1, 0)),
    KnownMask("ring of four pixels", np.array([[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 0]], bool), (4, 0), (1, 1)),
    KnownMask("diagonal 3D", diagonal((4, 5, 6)), (4, 0, 0), (1, 0, 0)),
    KnownMask("six voxels around one", distance((3, 4, 5), (1, 1, 1)) == 1, (6, 0, 0), (1, 0, 1)),
]
