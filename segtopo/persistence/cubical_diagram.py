"""Differentiable persistence diagrams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from segtopo.persistence.barcodes import Barcodes, cubical_barcodes
from segtopo.persistence.cubical import voxels_at
from segtopo.persistence.diagram import Diagram
from segtopo.persistence.inputs import as_dense_tensor, as_image_array, check_shape
from segtopo.persistence.pairs import Construction, Filtration


@dataclass(frozen=True, eq=False)
class PersistenceDiagram(Diagram):
    """The persistence diagram of one image in one dimension, on the image's device.

    Births and deaths are the image's values at the critical voxels, gathered by torch: a loss of the diagram has the
    gradient of a function of these voxels, piecewise, to any order.

    Attributes:
        births: (n,) birth values, with gradient to the birth voxels.
        deaths: (n,) death values, with gradient to the death voxels; for essential classes ``-inf`` under superlevel
            and ``+inf`` under sublevel, without gradient.
        birth_voxels: (n, ndim) positions of the voxels that create the features.
        death_voxels: (n, ndim) positions of the voxels that destroy them; -1 where essential.
        dimension: 0 components, 1 loops, 2 cavities.
    """

    births: torch.Tensor
    deaths: torch.Tensor
    birth_voxels: torch.Tensor
    death_voxels: torch.Tensor
    dimension: int

    @property
    def essential(self) -> torch.Tensor:
        """(n,) True for features that never vanish."""
        return self.death_voxels[:, 0] < 0


def persistence_diagrams(
    image: torch.Tensor,
    *,
    filtration: Filtration = "superlevel",
    construction: Construction = "T",
    min_persistence: float = 0.0,
    num_threads: int | None = None,
) -> list[PersistenceDiagram]:
    """The persistence diagrams of a 2D or 3D image, differentiable with respect to the image.

    The arguments are those of :func:`segtopo.persistence.compute_persistence`. Half precision is ordered in float32;
    births and deaths keep the image's dtype (integers become float64).

    Args:
        image: 2D or 3D tensor on any device.
        filtration: ``"superlevel"`` or ``"sublevel"``.
        construction: ``"T"`` (8/26-connected foreground) or ``"V"`` (4/6-connected).
        min_persistence: Only pairs with ``|birth - death| > min_persistence`` are kept.
        num_threads: Threads to use; by default the number of CPUs.

    Returns:
        One diagram for each dimension 0 .. ndim - 1.

    Raises:
        ValueError: The image holds NaN, is empty, or is neither 2D nor 3D; or an option has no such value.
        TypeError: The image is complex.

    References:
        R. Brüel-Gabrielsson et al., "A topology layer for machine learning", AISTATS 2020.

    Example:
        >>> import torch
        >>> image = torch.tensor([[0.9, 0.1, 0.8, 0.3]], requires_grad=True)
        >>> components, loops = persistence_diagrams(image)
        >>> components.births.tolist(), components.deaths.tolist()
        ([0.8999999761581421, 0.800000011920929], [-inf, 0.10000000149011612])
        >>> (components.births[1] - components.deaths[1]).backward()  # the lifetime of the second component
        >>> image.grad
        tensor([[ 0., -1.,  1.,  0.]])
    """
    check_shape(image.shape)
    (diagrams,) = batch_persistence_diagrams(
        image[None],
        filtration=filtration,
        construction=construction,
        min_persistence=min_persistence,
        num_threads=num_threads,
    )
    return diagrams


def batch_persistence_diagrams(
    images: torch.Tensor,
    *,
    filtration: Filtration = "superlevel",
    construction: Construction = "T",
    min_persistence: float = 0.0,
    num_threads: int | None = None,
) -> list[list[PersistenceDiagram]]:
    """The persistence diagrams of each image of a batch, computed over threads.

    Args:
        images: (N, H, W) or (N, H, W, D).
        filtration: As for :func:`persistence_diagrams`.
        construction: As for :func:`persistence_diagrams`.
        min_persistence: As for :func:`persistence_diagrams`.
        num_threads: Threads to use, first over images, then inside them; by default the number of CPUs.

    Returns:
        For each image, one diagram for each dimension.

    Raises:
        ValueError: As for :func:`persistence_diagrams`.
        TypeError: As for :func:`persistence_diagrams`.

    Example:
        >>> import torch
        >>> batch_persistence_diagrams(torch.rand(2, 4, 5))[1][0].dimension
        0
    """
    if not isinstance(images, torch.Tensor):
        raise TypeError(f"images: got {type(images).__name__}, expected a torch tensor")
    if images.ndim not in (3, 4):
        raise ValueError(f"images: got shape {tuple(images.shape)}, expected (N, H, W) or (N, H, W, D)")
    check_shape(images.shape[1:])
    images = as_dense_tensor(images, "images")
    barcodes = cubical_barcodes(
        as_image_array(images, "images"),
        filtration,
        construction,
        min_persistence=min_persistence,
        num_threads=num_threads,
    )
    values = images if images.is_floating_point() else images.double()
    return [
        [_diagram(image, barcodes, number, dimension) for dimension in range(image.ndim)]
        for number, image in enumerate(values)
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
