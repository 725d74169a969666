"""Non-overlapping patches of a batch of images."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F


def split_into_patches(images: torch.Tensor, patch_size: Sequence[int]) -> torch.Tensor:
    """Cuts images into patches, all of one shape so that they can be handled as one batch.

    Where the patch size does not divide the image, the last patches are filled with a value below all others.
    Under a superlevel filtration such voxels enter last and all at once, so they neither make nor change a
    feature: the diagrams are those of the patches without them.

    Args:
        images: ``(N, *spatial)``.
        patch_size: One edge length per spatial axis, in voxels.

    Returns:
        ``(N, P, *patch_size)``, the ``P`` patches of an image in C order.

    Example:
        >>> import torch
        >>> split_into_patches(torch.rand(3, 40, 64), (20, 30)).shape
        torch.Size([3, 6, 20, 30])
    """
    spatial = images.shape[1:]
    counts = [-(-extent // edge) for extent, edge in zip(spatial, patch_size, strict=True)]
    missing = [n * edge - extent for n, edge, extent in zip(counts, patch_size, spatial, strict=True)]
    if any(missing):
        padding = [amount for fill in reversed(missing) for amount in (0, fill)]
        images = F.pad(images, padding, value=images.detach().min().item() - 1.0)
    axes = [length for n, edge in zip(counts, patch_size, strict=True) for length in (n, edge)]
    ndim = len(spatial)
    order = [0, *range(1, 2 * ndim, 2), *range(2, 2 * ndim + 1, 2)]
    return images.reshape(-1, *axes).permute(order).reshape(len(images), -1, *patch_size)
