"""Superlevel barcodes of probability maps, and their births and deaths as differentiable tensors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from segtopo.persistence import Construction
from segtopo.persistence.barcodes import Barcodes, cubical_barcodes


def superlevel_barcodes(images: torch.Tensor, construction: Construction, num_threads: int | None) -> Barcodes:
    """Computes the barcodes of ``(N, *spatial)`` probability maps on any device; essential bars end at 0."""
    values = images.detach().cpu().numpy()
    return ending_at_zero(cubical_barcodes(values, "superlevel", construction, num_threads=num_threads))


def ending_at_zero(barcodes: Barcodes) -> Barcodes:
    """Returns barcodes in float64 whose essential bars have death 0, the lowest probability."""
    births, deaths = (values.astype(np.float64) for values in (barcodes.births, barcodes.deaths))
    return replace(barcodes, births=births, deaths=np.where(barcodes.essential, 0.0, deaths))


def gather(barcodes: Barcodes, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns births and deaths ``(n,)``, differentiable in the critical voxels of ``(N, *spatial)`` images.

    There is one gather on the images' device. The few values are then on the CPU, where sums have one order.
    """
    first_voxel = barcodes.image * images[0].numel()
    death_index = np.where(barcodes.essential, barcodes.birth_index, barcodes.death_index)
    voxels = torch.from_numpy(first_voxel + np.stack([barcodes.birth_index, death_index]))
    births, deaths = images.reshape(-1)[voxels.to(images.device)].cpu()
    return births, torch.where(torch.from_numpy(barcodes.essential), 0.0, deaths)


def sum_by_image(barcodes: Barcodes, costs: torch.Tensor, images: int) -> torch.Tensor:
    """Returns the sums ``(images,)`` of the costs ``(n,)`` of each image's bars."""
    return costs.new_zeros(images).index_add(0, torch.from_numpy(barcodes.image), costs)
