"""The bars of a batch of images: between which voxels they lie, and their births and deaths as tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from segtopo.persistence import Construction
from segtopo.persistence.cubical import CriticalVoxels, critical_voxels


@dataclass(frozen=True)
class Bars:
    """The ``n`` bars of ``N`` images of one shape under the superlevel filtration, by image and dimension.

    An image is never empty: a class that lives for ever is one that lives down to probability 0.
    """

    image: NDArray[np.int64]
    """``(n,)`` the image that the bar belongs to."""
    dimension: NDArray[np.int64]
    """``(n,)`` the dimension of the feature."""
    birth_index: NDArray[np.int64]
    """``(n,)`` linear index of the birth voxel in the whole batch."""
    death_index: NDArray[np.int64]
    """``(n,)`` the same for the death voxel; without meaning where essential."""
    essential: NDArray[np.bool_]
    """``(n,)`` the bar never dies."""
    births: NDArray[np.float64]
    """``(n,)`` the values of the birth voxels."""
    deaths: NDArray[np.float64]
    """``(n,)`` the values of the death voxels, 0 where essential."""

    @classmethod
    def between(cls, images: NDArray[np.floating[Any]], critical: CriticalVoxels, image: NDArray[np.int64]) -> Bars:
        """The bars between the critical voxels of ``(N, *spatial)`` images, with the number of each one's image."""
        essential = critical.essential
        first_voxel = image * images[0].size
        birth_index = first_voxel + critical.births
        death_index = np.where(essential, birth_index, first_voxel + critical.deaths)
        values = images.reshape(-1)
        births = values[birth_index].astype(np.float64)
        deaths = np.where(essential, 0.0, values[death_index].astype(np.float64))
        return cls(image, critical.dimensions, birth_index, death_index, essential, births, deaths)

    def __len__(self) -> int:
        return len(self.image)

    def select(self, chosen: NDArray[np.bool_]) -> Bars:
        """Those of the bars that are chosen."""
        return Bars(*(column[chosen] for column in vars(self).values()))

    def of(self, image: int, dimension: int) -> slice:
        """Where the bars of one image and dimension are."""
        begin, end = np.searchsorted(self.image, [image, image + 1])
        first, last = np.searchsorted(self.dimension[begin:end], [dimension, dimension + 1])
        return slice(int(begin + first), int(begin + last))

    @property
    def lengths(self) -> NDArray[np.float64]:
        """``(n,)`` how long each bar is."""
        return self.births - self.deaths

    @property
    def ranks(self) -> NDArray[np.int64]:
        """``(n,)`` the place of each bar among those of its image and dimension, the longest being 0."""
        ranks = np.empty(len(self), np.int64)
        order = np.lexsort((-self.lengths, self.dimension, self.image))
        changes = (np.diff(self.image[order]) != 0) | (np.diff(self.dimension[order]) != 0)
        starts = np.flatnonzero(np.concatenate([[True], changes]))
        sizes = np.diff(np.append(starts, len(self)))
        ranks[order] = np.arange(len(self)) - np.repeat(starts, sizes) if len(self) else 0
        return ranks

    def gather(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Births and deaths ``(n,)``, differentiable in the critical voxels of ``(N, *spatial)`` images.

        One gather on the images' device; the few values are then on the CPU, where sums have one order.
        """
        voxels = torch.from_numpy(np.stack([self.birth_index, self.death_index]))
        births, deaths = images.reshape(-1)[voxels.to(images.device)].cpu()
        return births, torch.where(torch.from_numpy(self.essential), 0.0, deaths)

    def sum_by_image(self, costs: torch.Tensor, images: int) -> torch.Tensor:
        """The sums ``(images,)`` of what the bars of each image cost."""
        return costs.new_zeros(images).index_add(0, torch.from_numpy(self.image), costs)


def superlevel_bars(images: torch.Tensor, construction: Construction, num_threads: int | None) -> Bars:
    """All bars of ``(N, *spatial)`` images, on any device."""
    values = images.detach().cpu().numpy()
    batch = critical_voxels(values, "superlevel", construction, 0.0, num_threads)
    image = np.repeat(np.arange(len(batch)), [len(critical.dimensions) for critical in batch])
    return Bars.between(values, CriticalVoxels.concatenate(batch), image)
