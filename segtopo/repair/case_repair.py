"""The repair of one case, from its file to its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from segtopo.case_records import CaseRecords
from segtopo.errors import InputError, mismatch
from segtopo.repair.classes import ClassRepair, repair_classes, repair_regions
from segtopo.repair.edit_tables import PlacedEdit, RepairedCase, write_markups
from segtopo.repair.pictures import draw_repair
from segtopo.repair.probability_files import read_probability
from segtopo.repair.probability_map import ChannelLabels
from segtopo.repair.rules import RepairRules
from segtopo.volumes import Volume, write_volume
from segtopo.volumes.mask_files import FOREGROUND

EDITS, MARKUPS, PICTURES = "edits", "markups", "pictures"  # folders of the optional outputs


@dataclass(frozen=True)
class Outputs:
    """The optional outputs of each case.

    Attributes:
        label_map: An image of the edits, see :meth:`segtopo.repair.Repair.label_map`.
        markups: Points at the edits for 3D Slicer.
        pictures: A picture of the map, both masks and the edits.
    """

    label_map: bool = False
    markups: bool = False
    pictures: bool = False


def describe_repair(
    repaired: ClassRepair, name: str, file_name: str, volume: Volume, remarks: Sequence[str] = ()
) -> RepairedCase:
    """Lists the edits of a repair with their positions in space, and all remarks.

    Args:
        repaired: The repair of each class.
        name: Name of the case.
        file_name: Name of the file of the mask.
        volume: An image of the same geometry.
        remarks: Remarks to put before those of the repair.
    """
    several = len(repaired.repairs) > 1
    labels = [str(k) for k in range(1, len(repaired.repairs) + 1)] if several else [FOREGROUND]
    pairs = list(zip(labels, repaired.repairs, strict=True))
    edits = [PlacedEdit.of(edit, label, volume.affine) for label, repair in pairs for edit in repair.edits]
    said = [f"Class {label}: {remark}" if several else remark for label, repair in pairs for remark in repair.remarks]
    return RepairedCase(name, file_name, volume.ndim, tuple(edits), (*remarks, *said))


def repair_case(
    case: tuple[str, Path],
    records: CaseRecords,
    rules: RepairRules | Sequence[RepairRules],
    touching: bool,
    union_components: int | None,
    outputs: Outputs,
    num_threads: int | None = None,
) -> RepairedCase:
    """Reads the probability maps of a case, repairs them, writes the outputs and records that the case is finished.

    Args:
        case: Its name, which is that of its outputs, and the file of its maps, see
            :func:`segtopo.repair.read_probability`.
        records: The records of the folder of the outputs.
        rules: The rules of all classes, or of each.
        touching: Whether edits may add voxels that touch another class.
        union_components: The largest number of components of the union of all classes; None is no limit.
        outputs: The optional outputs.
        num_threads: Threads to use; by default the number of CPUs.

    Returns:
        The edits and remarks.

    Raises:
        InputError: The file cannot be used, or the rules do not fit it.
    """
    name, path = case
    found = read_probability(path)
    try:
        repaired = repair_channels(
            found.foreground,
            found.labels,
            rules,
            spacing=found.volume.spacing,
            touching=touching,
            union_components=union_components,
            num_threads=num_threads,
        )
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    file_name = name + found.mask_extension
    remarks = (*found.remarks, *hidden_parts(repaired, found.labels))
    described = describe_repair(repaired, name, file_name, found.volume, remarks)
    is_label_map = len(repaired.repairs) > 1 or repaired.painted is not None
    mask = repaired.labels if is_label_map else repaired.repairs[0].mask
    files = {file_name: partial(write_volume, array=mask, like=found.volume)}
    if outputs.label_map:
        files[f"{EDITS}/{file_name}"] = partial(write_volume, array=edit_labels(repaired), like=found.volume)
    if outputs.markups:
        files[f"{MARKUPS}/{name}.mrk.json"] = partial(write_markups, case=described)
    if outputs.pictures:
        files[f"{PICTURES}/{name}.png"] = partial(draw_repair, name=name, found=found, repaired=repaired)
    for file, write in files.items():
        write(records.out / file)
    records.save(name, [path], list(files), asdict(described))
    return described


def repair_channels(
    foreground: npt.NDArray[Any],
    labels: ChannelLabels | None,
    rules: RepairRules | Sequence[RepairRules] = RepairRules(),  # noqa: B008 -- frozen
    *,
    spacing: Sequence[float],
    touching: bool = True,
    union_components: int | None = None,
    num_threads: int | None = None,
) -> ClassRepair:
    """Repairs maps as classes that exclude each other or, if their labels say so, as regions that overlap.

    Arguments and errors are those of :func:`repair_classes` and :func:`repair_regions`.
    """
    painted = None if labels is None else labels.painted
    if painted is None:
        return repair_classes(
            foreground,
            rules,
            touching=touching,
            union_components=union_components,
            spacing=spacing,
            num_threads=num_threads,
        )
    if not touching or union_components is not None:
        got = "a rule about touching classes or their union"
        raise InputError(mismatch("regions that overlap", got=got, expected="rules of each region alone"))
    return repair_regions(foreground, rules, painted=painted, spacing=spacing, num_threads=num_threads)


def hidden_parts(repaired: ClassRepair, labels: ChannelLabels | None) -> list[str]:
    """Returns a sentence for each repaired region that the label map does not hold as it is."""
    if repaired.painted is None or labels is None:
        return []
    painted = repaired.labels
    pairs = zip(repaired.repairs, labels.of_channels, strict=True)
    differing = [np.count_nonzero(repair.mask != np.isin(painted, values)) for repair, values in pairs]
    return [
        f"Region {region}: {count} voxels differ in the label map, because another region covers them."
        for region, count in enumerate(differing, start=1)
        if count
    ]


def edit_labels(repaired: ClassRepair) -> npt.NDArray[np.uint8]:
    """Returns one image of the edits of all classes, see :meth:`segtopo.repair.Repair.label_map`."""
    labels: npt.NDArray[Any] = repaired.repairs[0].label_map()
    for repair in repaired.repairs[1:]:
        own = repair.label_map()
        labels = np.where(own > 0, own, labels)
    return labels
