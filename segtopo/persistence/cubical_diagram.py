"""Differentiable persistence diagrams of images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from segtopo.errors import InputError, mismatch
from segtopo.persistence.barcodes import Barcodes, cubical_barcodes
from segtopo.persistence.cubical import voxels_at
from segtopo.persistence.diagram import Diagram
from segtopo.persistence.inputs import as_dense_tensor, as_floating_tensor, as_image_array, check_shape
from segtopo.persistence.pairs import Construction, Filtration


@dataclass(frozen=True, eq=False)
class PersistenceDiagram(Diagram):
    """The persistence diagram of one image in one dimension, on the image's device.

    Births and deaths are the image's values at the critical voxels, gathered by torch. A loss of the diagram is
    therefore piecewise a function of these voxels, with gradients of any order.

    Attributes:
        births: ``(n,)`` birth values, with gradient to the birth voxels.
        deaths: ``(n,)`` death values, with gradient to the death voxels; for essential features ``-inf`` under
            superlevel and ``+inf`` under sublevel, without gradient.
        birth_voxels: ``(n, ndim)`` coordinates of the voxels that create the features.
        death_voxels: ``(n, ndim)`` coordinates of the voxels that destroy the features; -1 for essential features.
        dimension: 0 components, 1 loops, 2 cavities.
    """

    births: torch.Tensor
    deaths: torch.Tensor
    birth_voxels: torch.Tensor
    death_voxels: torch.Tensor
    dimension: int

    @property
    def essential(self) -> torch.Tensor:
        """``(n,)`` True for features that never vanish."""
        return self.death_voxels[:, 0] < 0


def persistence_diagrams(
    image: torch.Tensor,
    *,
    filtration: Filtration = "superlevel",
    construction: Construction = "T",
    min_persistence: float = 0.0,
    num_threads: int | None = None,
) -> list[PersistenceDiagram]:
    """Computes the persistence diagrams of a 2D or 3D image, differentiable with respect to the image.

    The bars are those of :func:`segtopo.persistence.compute_persistence`. Half precision is compared in float32.

    Args:
        image: ``(H, W)`` or ``(H, W, D)`` tensor of any real dtype of at most 64 bits, on any device.
        filtration: ``"superlevel"``: bright voxels enter first. ``"sublevel"``: dark voxels enter first.
        construction: ``"T"``: the foreground is 8- or 26-connected. ``"V"``: the foreground is 4- or 6-connected.
        min_persistence: Only pairs with ``|birth - death| > min_persistence`` are returned; in units of the image's
            values.
        num_threads: Threads to use; by default the number of CPUs. The result does not depend on it.

    Returns:
        One diagram for each dimension from 0 to ``ndim - 1``. Births and deaths have the image's dtype; integers
        become float64, float8 becomes float32.

    Raises:
        InputError: The image holds NaN, is empty, or is neither 2D nor 3D; its integers exceed ``2**53``; or an
            option is out of its range.
        TypeError: The image is not a tensor of real numbers, or a tensor without values on its device (sparse,
            nested, quantized or meta); or an option has a wrong type.

    References:
        R. Brüel-Gabrielsson et al., "A topology layer for machine learning", AISTATS 2020.

    Example:
        >>> import torch
        >>> image = torch.tensor([[0.9, 0.1, 0.8, 0.3]], requires_grad=True)
        >>> components, loops = persistence_diagrams(image)
        >>> components.births.tolist(), components.deaths.tolist()
        ([0.8999999761581421, 0.800000011920929], [-inf, 0.10000000149011612])
        >>> components.persistence[1].backward()  # the lifetime of the second component
        >>> image.grad
        tensor([[ 0., -1.,  1.,  0.]])
    """
    image = as_dense_tensor(image, "image")
    check_shape(image.shape)
    (diagrams,) = _diagrams(image[None], "image", filtration, construction, min_persistence, num_threads)
    return diagrams


def batch_persistence_diagrams(
    images: torch.Tensor,
    *,
    filtration: Filtration = "superlevel",
    construction: Construction = "T",
    min_persistence: float = 0.0,
    num_threads: int | None = None,
) -> list[list[PersistenceDiagram]]:
    """Computes the persistence diagrams of every image of a batch over threads, differentiable in the images.

    Args:
        images: ``(N, H, W)`` or ``(N, H, W, D)`` tensor of any real dtype of at most 64 bits, on any device. ``N`` may
            be 0.
        filtration: ``"superlevel"``: bright voxels enter first. ``"sublevel"``: dark voxels enter first.
        construction: ``"T"``: the foreground is 8- or 26-connected. ``"V"``: the foreground is 4- or 6-connected.
        min_persistence: Only pairs with ``|birth - death| > min_persistence`` are returned; in units of the images'
            values.
        num_threads: Threads to use; by default the number of CPUs. Images are distributed over the threads first;
            spare threads work inside the images. The result does not depend on it.

    Returns:
        For each image, one diagram for each dimension from 0 to ``ndim - 1``. Births and deaths have the images'
        dtype; integers become float64, float8 becomes float32.

    Raises:
        InputError: An image holds NaN; the images are empty, or neither 2D nor 3D; integers exceed ``2**53``; or an
            option is out of its range.
        TypeError: The images are not a tensor of real numbers, or a tensor without values on its device (sparse,
            nested, quantized or meta); or an option has a wrong type.

    Example:
        >>> import torch
        >>> images = torch.tensor([[[0.75, 0.25, 0.5]], [[0.5, 0.5, 1.0]]], requires_grad=True)
        >>> batch = batch_persistence_diagrams(images)
        >>> [components.deaths.tolist() for components, loops in batch]  # the gap of the first image ends a component
        [[-inf, 0.25], [-inf]]
        >>> gaps = [components.persistence[~components.essential].sum() for components, loops in batch]
        >>> torch.stack(gaps).sum().backward()
        >>> images.grad
        tensor([[[ 0., -1.,  1.]],
        <BLANKLINE>
                [[ 0.,  0.,  0.]]])
    """
    images = as_dense_tensor(images, "images")
    if images.ndim not in (3, 4):
        raise InputError(mismatch("images", got=f"shape {tuple(images.shape)}", expected="(N, H, W) or (N, H, W, D)"))
    check_shape(images.shape[1:], "images")
    return _diagrams(images, "images", filtration, construction, min_persistence, num_threads)


def _diagrams(
    images: torch.Tensor,
    name: str,
    filtration: Filtration,
    construction: Construction,
    min_persistence: float,
    num_threads: int | None,
) -> list[list[PersistenceDiagram]]:
    """Computes the diagrams of a batch of images; ``name`` is the argument's name in error messages."""
    barcodes = cubical_barcodes(
        as_image_array(images, name),
        filtration,
        construction,
        min_persistence=min_persistence,
        num_threads=num_threads,
    )
    return [
        [_diagram(image, barcodes, number, dimension) for dimension in range(image.ndim)]
        for number, image in enumerate(as_floating_tensor(images))
    ]


def _diagram(image: torch.Tensor, barcodes: Barcodes, number: int, dimension: int) -> PersistenceDiagram:
    rows = barcodes.of(number, dimension)
    birth_index, death_index = barcodes.birth_index[rows], barcodes.death_index[rows]

    def on_device(array: npt.NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(array).to(image.device)

    flat = image.reshape(-1)
    deaths = flat[on_device(np.maximum(death_index, 0))]
    return PersistenceDiagram(
        flat[on_device(birth_index)],
        torch.where(on_device(death_index < 0), on_device(barcodes.deaths[rows]).to(deaths), deaths),
        on_device(voxels_at(birth_index, image.shape)),
        on_device(voxels_at(death_index, image.shape)),
        dimension,
    )
