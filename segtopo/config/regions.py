"""The regions of a training: structures that overlap, each the union of several labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field

from segtopo.config.section import Expected
from segtopo.errors import mismatch

#: The number above the highest one is that of the ignored voxels.
HIGHEST_LABEL = 254


def _check_labels(labels: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(labels)) < len(labels):
        raise ValueError
    return labels


def _check_names(regions: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    if not all(name and name.isprintable() for name in regions):
        raise ValueError("names of printable characters")
    return regions


RegionLabel = Annotated[
    int, Field(ge=1, le=HIGHEST_LABEL), Expected(f"a label from 1 to {HIGHEST_LABEL}, as 0 is the background")
]
RegionLabels = Annotated[
    tuple[RegionLabel, ...],
    Field(min_length=1),
    AfterValidator(_check_labels),
    Expected(f"a list of labels from 1 to {HIGHEST_LABEL}, each once"),
]
Painted: TypeAlias = Annotated[
    tuple[RegionLabel, ...],
    Field(min_length=1),
    Expected(f"a list of labels from 1 to {HIGHEST_LABEL}, one for each region"),
]
RegionsByName: TypeAlias = Annotated[
    dict[str, RegionLabels],
    Field(min_length=1, max_length=HIGHEST_LABEL),
    AfterValidator(_check_names),
    Expected(f"a mapping of names to lists of labels from 1 to {HIGHEST_LABEL}"),
]


def default_painted(regions: Mapping[str, Sequence[int]] | None) -> tuple[int, ...] | None:
    """Returns the label that each region writes into a label map: the only one that no later region has.

    Returns:
        None if there are no regions, or if a region has several such labels or none.

    Example:
        >>> default_painted({"whole tumor": [1, 2, 3], "tumor core": [2, 3], "enhancing tumor": [3]})
        (1, 2, 3)
        >>> default_painted({"kidney": [1, 2, 3], "masses": [2, 3], "tumor": [2]})
        (1, 3, 2)
        >>> default_painted({"lungs": [1, 2], "tumor": [3]})
    """
    if not regions:
        return None
    sets = [set(labels) for labels in regions.values()]
    own = [labels.difference(*sets[number + 1 :]) for number, labels in enumerate(sets)]
    return tuple(min(labels) for labels in own) if all(len(labels) == 1 for labels in own) else None


def check_regions(regions: Mapping[str, Sequence[int]], painted: Sequence[int] | None) -> None:
    """Checks the order of regions and the labels that they write into a label map.

    Raises:
        ValueError: A region lies in an earlier one that would be painted over, or the labels do not fit the regions.
            The message begins with the key.
    """
    for (first, inner), (second, outer) in combinations(regions.items(), 2):
        if set(inner) <= set(outer):
            expected = f"{second} first: a later region is painted over an earlier one"
            raise ValueError(mismatch("regions", got=f"{first} before {second}, which contains it", expected=expected))
    if painted is None:
        expected = "a label for each region: not every region has exactly one label that no later region has"
        raise ValueError(mismatch("painted", got="no value", expected=expected))
    if len(painted) != len(regions) or len(set(painted)) < len(painted):
        expected = f"{len(regions)} labels, one for each region, each once"
        raise ValueError(mismatch("painted", got=list(painted), expected=expected))
    for (name, labels), label in zip(regions.items(), painted, strict=True):
        if label not in labels:
            expected = f"one of {', '.join(map(str, labels))}, the labels of {name}"
            raise ValueError(mismatch("painted", got=f"{label} for {name}", expected=expected))
