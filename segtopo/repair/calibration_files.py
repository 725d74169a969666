"""Calibration of repair rules on files of probability maps and reference masks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from segtopo.atomic_output import atomic_output
from segtopo.errors import InputError, mismatch
from segtopo.masks.components import Mask
from segtopo.repair.calibration import Calibration, Criterion, calibrate_repair
from segtopo.repair.calibration_plot import draw_calibration
from segtopo.repair.grid import RuleGrid
from segtopo.repair.probability_files import probability_files, read_probability
from segtopo.repair.probability_map import ProbabilityMap
from segtopo.repair.rules import RepairRules
from segtopo.volumes import check_same_geometry, mask_of, read_volume
from segtopo.volumes.case_pairs import cases_of, check_complete, match_names


def calibrate_files(
    probabilities: str | Path,
    references: str | Path,
    out: str | Path,
    *,
    channel: int | None = None,
    label: int | None = None,
    rules: RepairRules = RepairRules(),  # noqa: B008 -- frozen
    grid: RuleGrid = RuleGrid(),  # noqa: B008 -- frozen
    tolerance: float = 0.002,
    criterion: Criterion = "betti_matching_error",
    ignore_label: int | None = None,
    skip_missing: bool = False,
    progress: Callable[[str, int, int], None] = lambda name, number, total: None,
) -> Calibration:
    """Chooses repair rules on the validation cases of two folders, and writes them with all figures.

    Args:
        probabilities: A folder of probability maps, see :func:`segtopo.repair.read_probability`, or one map; or the
            folder of a trained nnU-Net, whose maps are those of its cross-validation.
        references: A folder of reference masks of the same names, or one mask.
        out: The file to write; its name ends in ``.json``. A picture of the grid of the same name, ``.png``, lies
            beside it. Both files appear together.
        channel: The foreground class of the maps, counted from 1. None: the only one.
        label: The value of the structure in label maps. None: that of the dataset of nnU-Net, else the number of the
            channel if it is given, else every value except 0.
        rules: The rules that the grid does not vary.
        grid: The values to try.
        tolerance: The mean Dice coefficient that the choice may lose against the best rules.
        criterion: The error to reduce, see :func:`segtopo.repair.calibrate_repair`.
        ignore_label: Value of the references that marks undecided voxels. They become background in map and reference.
            None: that of the dataset of nnU-Net, else no value.
        skip_missing: Whether references without a map are left out.
        progress: Called before each case with its name, its number (from 1) and the number of cases.

    Returns:
        The chosen rules and the figures of all rules, see :func:`segtopo.repair.calibrate_repair`.

    Raises:
        InputError: A file cannot be used, a case lacks its map or its reference, map and reference differ in shape or
            position, no reference has a voxel of the structure, or ``out`` cannot be written.
    """
    probabilities, references = Path(probabilities), Path(references)
    with rules_file(out) as write:
        maps = probability_files(probabilities)
        masks = cases_of(references) if references.is_dir() else dict.fromkeys(maps, references)
        if references.is_file() and len(maps) > 1:
            raise InputError(
                mismatch(references, got="one mask", expected=f"a folder with a mask for each of {len(maps)} maps")
            )
        pairs = match_names(maps, masks)
        check_complete(replace(pairs, missing=()) if skip_missing else pairs, probabilities, references)
        cases = [case for case in pairs.cases if case.prediction is not None]
        present: list[_Case] = []  # the case whose map was read last

        def read_maps() -> Iterator[npt.ArrayLike]:
            for number, case in enumerate(cases, start=1):
                assert case.prediction is not None
                progress(case.name, number, len(cases))
                present[:] = [_Case.read(case.prediction, case.reference, channel, label, ignore_label)]
                yield present[0].probability

        def read_masks() -> Iterator[npt.ArrayLike]:
            is_empty = True
            for _ in cases:
                is_empty &= not present[0].mask.any()
                yield present[0].mask
            if is_empty:
                got = (
                    "no foreground" if present[0].labels is None else f"no voxel of label {_listed(present[0].labels)}"
                )
                raise InputError(mismatch(references, got=got, expected="the structure in at least one mask"))

        def spacings() -> Iterator[tuple[float, ...]]:
            for _ in cases:
                yield present[0].spacing

        calibration = calibrate_repair(
            read_maps(),
            read_masks(),
            spacings=spacings(),
            rules=rules,
            grid=grid,
            tolerance=tolerance,
            criterion=criterion,
        )
        write(calibration)
    return calibration


@contextmanager
def rules_file(out: str | Path) -> Iterator[Callable[[Calibration], None]]:
    """Yields a function that writes the rules and the picture of a calibration; both appear at the end of the block.

    Raises:
        InputError: The file does not end in ``.json``, or is a folder.
    """
    import matplotlib  # noqa: F401 -- a missing one is reported before the work

    out = Path(out)
    if out.suffix.lower() != ".json" or out.is_dir():
        got = "a folder" if out.is_dir() else f"the extension {out.suffix or '(none)'}"
        raise InputError(mismatch(out, got=got, expected="a file that ends in .json"))

    def write(calibration: Calibration) -> None:
        calibration.save(part)
        draw_calibration(calibration, part.with_suffix(".png"))

    with atomic_output(out) as part:
        yield write


@dataclass(frozen=True, eq=False)
class _Case:
    """The map of one structure and its reference; both are background where the reference is undecided."""

    probability: npt.NDArray[Any]
    mask: Mask
    spacing: tuple[float, ...]
    labels: Sequence[int] | None

    @classmethod
    def read(
        cls, path: Path, reference: Path, channel: int | None, label: int | None, ignore_label: int | None
    ) -> _Case:
        found = read_probability(path)
        index = chosen_channel(len(found.foreground), channel, path)
        labels = _labels(found, index, channel, label)
        volume = read_volume(reference)
        if ignore_label is None and found.labels is not None:
            ignore_label = found.labels.ignored
        probability = found.foreground[index]
        decided = None if ignore_label is None else volume.array != ignore_label
        if decided is not None:
            volume = replace(volume, array=np.where(decided, volume.array, 0))
        mask = mask_of(volume, reference, labels)
        check_same_geometry(found.volume, mask, str(path), str(reference))
        if decided is not None:
            probability = np.where(decided, probability, 0)
        return cls(probability, mask.array, found.volume.spacing, labels)


def _labels(found: ProbabilityMap, index: int, channel: int | None, label: int | None) -> Sequence[int] | None:
    """Returns the labels of a structure in label maps; None is every value except 0."""
    if label is not None:
        return (label,)
    if found.labels is not None and len(found.labels.of_channels) > 1:
        return found.labels.of_channels[index]
    return None if channel is None else (channel,)


def _listed(labels: Sequence[int]) -> str:
    return " or ".join(map(str, labels))


def chosen_channel(channels: int, wanted: int | None, path: Path) -> int:
    """Returns the index, counted from 0, of the wanted channel or of the only one; errors name ``path``."""
    if wanted is None and channels > 1:
        raise InputError(mismatch(path, got=f"{channels} classes", expected="one, or the number of the class"))
    if wanted is not None and not 1 <= wanted <= channels:
        raise InputError(mismatch("channel", got=wanted, expected=f"1 to {channels}: the classes of {path}"))
    return 0 if wanted is None else wanted - 1
