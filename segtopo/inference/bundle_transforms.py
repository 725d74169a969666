"""The preparation of an image and the label map of regions as transforms of MONAI, for exported bundles."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms.transform import MapTransform
from monai.utils.type_conversion import convert_to_dst_type
from pydantic import TypeAdapter

from segtopo.config.output_channels import OutputChannels
from segtopo.config.preprocessing import Normalization


class PrepareImaged(MapTransform):  # type: ignore[misc]  # MONAI has no type information
    """Chooses and normalises the channels of an image as a training of segtopo does.

    Args:
        keys: The keys of the images (C, *spatial).
        channels: The channels to keep. None: all.
        normalization: The normalisation as in a config, for instance ``{"name": "LocalContrast", "sigma": 20}``.
        allow_missing_keys: Whether a missing key is no error.

    Example:
        >>> transform = PrepareImaged("image", [1], {"name": "Range", "range": [0, 10]})
        >>> transform({"image": np.array([[[1.0, 2.0]], [[5.0, 20.0]]])})["image"]
        array([[[0.5, 1. ]]], dtype=float32)
    """

    def __init__(
        self,
        keys: KeysCollection,
        channels: Sequence[int] | None,
        normalization: Mapping[str, Any],
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.channels = channels
        self.normalization: Normalization = TypeAdapter(Normalization).validate_python(
            dict(normalization), strict=False
        )

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Returns the dictionary with the prepared images."""
        case = dict(data)
        for key in self.key_iterator(case):
            image = np.asarray(case[key], np.float32)
            chosen = image if self.channels is None else image[list(self.channels)]
            prepared = np.stack([self.normalization.apply(channel) for channel in chosen])
            case[key] = convert_to_dst_type(prepared, case[key], dtype=np.float32)[0]
        return case


class PaintRegionsd(MapTransform):  # type: ignore[misc]  # MONAI has no type information
    """Makes a label map of the probabilities of regions that may overlap, as a prediction of segtopo does.

    Args:
        keys: The keys of the probabilities (regions, *spatial).
        painted: The label of each region. A later region is painted over an earlier one.
        allow_missing_keys: Whether a missing key is no error.

    Example:
        >>> transform = PaintRegionsd("pred", [1, 2])
        >>> transform({"pred": torch.tensor([[[0.9, 0.8, 0.1]], [[0.7, 0.2, 0.5]]])})["pred"]
        tensor([[[2, 1, 0]]], dtype=torch.uint8)
    """

    def __init__(self, keys: KeysCollection, painted: Sequence[int], allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.channels = OutputChannels(tuple((label,) for label in painted), tuple(painted))

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Returns the dictionary with label maps (1, *spatial)."""
        case = dict(data)
        for key in self.key_iterator(case):
            foreground = torch.as_tensor(case[key])
            case[key] = convert_to_dst_type(self.channels.label_map(foreground[None]), case[key], dtype=torch.uint8)[0]
        return case
