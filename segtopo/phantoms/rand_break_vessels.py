"""RandBreakVesselsd: thin structures are broken in the image but not in the label."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.transforms.transform import MapTransform, RandomizableTransform
from monai.utils.enums import TransformBackends
from monai.utils.type_conversion import convert_to_dst_type

from segtopo.errors import InputError, mismatch
from segtopo.masks.skeletons import skeleton
from segtopo.persistence.inputs import as_numpy
from segtopo.phantoms.vessel_breaks import Gap, break_structure

#: The width of a gap as a multiple of the width of the structure, and the fraction of the contrast that is lost.
WIDTHS, DEPTHS = (1.0, 1.5), (0.7, 1.0)
#: How many places are tried for each break; the structure may be too thick or end there.
TRIES = 8


class RandBreakVesselsd(RandomizableTransform, MapTransform):  # type: ignore[misc]  # MONAI has no type information
    """Fills short gaps in thin structures with the background around them, so that a network learns to close gaps.

    The places of the gaps are random points of the skeletons of all labels. Only the image is changed: the label stays
    whole. A structure is never made shorter: it goes on at both sides of a gap.

    The gap has the smooth background around the structure and its grain, copied from a place nearby, and fades into
    the image. Its width is 1 to 1.5 times that of the structure. It has lost 0.7 to all of the contrast.

    Args:
        keys: The keys of the images (C, H, W) or (C, H, W, D), of any scale of intensities. All get the same gaps.
        label_key: The key of the label map (1, H, W) or (1, H, W, D); 0 is the background.
        prob: The probability that an image is changed.
        breaks: The smallest and the largest number of gaps.
        length: The smallest and the largest length of a gap in voxels.
        max_radius: The largest radius in voxels of a structure that may be broken, at least 1. Thinner ones are broken
            more often.
        allow_missing_keys: Whether a missing key is no error.

    Raises:
        InputError: An option is out of its range.

    References:
        J. M. Valverde et al., "Disconnect to Connect: A Data Augmentation Method for Improving Topology Accuracy in
        Image Segmentation", arXiv 2503.05541, 2025 (CoLeTra: gaps by inpainting, labels kept).
        S. Carneiro-Esteves, A. Vacavant, O. Merveille, "A plug-and-play framework for curvilinear structure
        segmentation based on a learned reconnecting regularization", Neurocomputing 2024 (pairs of broken and whole
        structures).

    Example:
        >>> label = np.zeros((1, 32, 40), np.uint8)
        >>> label[0, 15:18] = 1
        >>> case = {"image": label.astype(np.float32), "label": label}
        >>> transform = RandBreakVesselsd("image", "label", prob=1.0, breaks=(1, 1)).set_random_state(seed=0)
        >>> broken = transform(case)["image"][0, 16]
        >>> bool(broken.min() < 0.3), bool(broken[0] == broken[-1] == 1)
        (True, True)
    """

    backend = [TransformBackends.NUMPY]  # noqa: RUF012 -- MONAI reads it

    def __init__(
        self,
        keys: KeysCollection,
        label_key: Hashable,
        prob: float = 0.3,
        breaks: tuple[int, int] = (1, 8),
        length: tuple[float, float] = (3.0, 10.0),
        max_radius: float = 4.0,
        allow_missing_keys: bool = False,
    ) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        RandomizableTransform.__init__(self, prob)
        for name, (low, high), least in (("breaks", breaks, 1), ("length", length, 0)):
            if not least <= low <= high:
                raise InputError(mismatch(name, got=(low, high), expected=f"(low, high) with {least} <= low <= high"))
        if not max_radius >= 1:
            raise InputError(mismatch("max_radius", got=max_radius, expected="a number >= 1"))
        self.label_key = label_key
        self.breaks = breaks
        self.length = length
        self.max_radius = max_radius

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Returns the dictionary with gaps in its images, each a copy."""
        case = dict(data)
        self.randomize(None)
        keys = list(self.key_iterator(case))
        if not self._do_transform or not keys:
            return case
        images = [np.array(as_numpy(case[key], str(key)), np.float32) for key in keys]
        stacked = np.concatenate(images)
        self._break(stacked, as_numpy(case[self.label_key], str(self.label_key))[0])
        split = np.split(stacked, np.cumsum([len(image) for image in images])[:-1])
        for key, image in zip(keys, split, strict=True):
            case[key] = convert_to_dst_type(image, case[key])[0]
        return case

    def _break(self, image: Any, labels: Any) -> None:
        """Makes the gaps, in place."""
        values = np.unique(labels[labels > 0])
        skeletons = [skeleton(labels == value) for value in values]
        owners = [np.full(int(mask.sum()), number) for number, mask in enumerate(skeletons)]
        if not values.size:
            return
        voxels, owner = np.concatenate([np.argwhere(mask) for mask in skeletons]), np.concatenate(owners)
        missing = self.R.randint(self.breaks[0], self.breaks[1] + 1)
        for place in self.R.permutation(len(voxels))[: TRIES * missing]:
            # A random limit breaks thin structures more often than thick ones.
            ranges = self.length, WIDTHS, DEPTHS, (1.0, self.max_radius)
            gap = Gap(*(self.R.uniform(*bounds) for bounds in ranges))
            missing -= break_structure(image, labels, skeletons[owner[place]], voxels[place], gap, self.R)
            if missing == 0:
                return
