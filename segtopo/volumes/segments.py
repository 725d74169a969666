"""The structures that a segmentation names, and those in the header of Slicer's."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from segtopo.volumes.volume import Segment


def segments_of(keys: Mapping[str, str], *, has_layers: bool) -> dict[str, Segment]:
    """Reads names, layers and values of the structures of a ``.seg.nrrd`` file.

    Segmentations of Slicer before version 4.11 state neither layer nor value: each structure has a layer of its own.

    Args:
        keys: The keys of the header with their values.
        has_layers: Whether the array has an axis of layers.

    Returns:
        The structures by name, in the order of the file. Where two have one name, both are named with their ID, as in
        ``vessel (Segment_2)``.

    Example:
        >>> segments_of({"Segment0_Name": "vein", "Segment0_Layer": "1", "Segment0_LabelValue": "3"}, has_layers=True)
        {'vein': Segment(layer=1, value=3)}
    """
    numbers = sorted(int(match[1]) for key in keys if (match := re.fullmatch(r"Segment(\d+)_Name", key)))
    names = [keys[f"Segment{number}_Name"] for number in numbers]
    names = unique_names(names, [keys.get(f"Segment{number}_ID", number) for number in numbers])
    segments: dict[str, Segment] = {}
    for number, name in zip(numbers, names, strict=True):
        layer = int(keys.get(f"Segment{number}_Layer", number if has_layers else 0))
        segments[name] = Segment(layer, int(keys.get(f"Segment{number}_LabelValue", 1)))
    return segments


def unique_names(names: Sequence[str], identifiers: Sequence[object]) -> list[str]:
    """Adds their identifiers to names that are not unique.

    Example:
        >>> unique_names(["vein", "vessel", "vessel"], [1, 2, 3])
        ['vein', 'vessel (2)', 'vessel (3)']
    """
    return [
        f"{name} ({identifier})" if names.count(name) > 1 else name
        for name, identifier in zip(names, identifiers, strict=True)
    ]
