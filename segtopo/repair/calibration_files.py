"""Calibration of repair rules on files of probability maps and reference masks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy.typing as npt

from segtopo.atomic_output import atomic_output
from segtopo.errors import InputError, mismatch
from segtopo.repair.calibration import Calibration, Criterion, calibrate_repair
from segtopo.repair.calibration_plot import draw_calibration
from segtopo.repair.grid import RuleGrid
from segtopo.repair.probability_files import probability_files, read_probability
from segtopo.repair.rules import RepairRules
from segtopo.volumes import check_same_geometry, read_mask
from segtopo.volumes.case_pairs import cases_of, check_complete, match_names
from segtopo.volumes.volume import Volume


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
    progress: Callable[[str, int, int], None] = lambda name, number, total: None,
) -> Calibration:
    """Chooses repair rules on the validation cases of two folders, and writes them with all figures.

    Args:
        probabilities: A folder of probability maps, see :func:`segtopo.repair.read_probability`, or one map.
        references: A folder of reference masks of the same names, or one mask.
        out: The file to write; its name ends in ``.json``. A picture of the grid of the same name, ``.png``, lies
            beside it. Both files appear together.
        channel: The foreground class of the maps, counted from 1. None: the only one.
        label: The value of the structure in label maps. None: that of the channel if it is given, else every value
            except 0.
        rules: The rules that the grid does not vary.
        grid: The values to try.
        tolerance: The mean Dice coefficient that the choice may lose against the best rules.
        criterion: The error to reduce, see :func:`segtopo.repair.calibrate_repair`.
        progress: Called before each case with its name, its number (from 1) and the number of cases.

    Returns:
        The chosen rules and the figures of all rules, see :func:`segtopo.repair.calibrate_repair`.

    Raises:
        InputError: A file cannot be used, a case lacks its map or its reference, map and reference differ in shape or
            position, no reference has a voxel of the structure, or ``out`` cannot be written.
    """
    import matplotlib  # noqa: F401 -- a missing one is reported before the work

    probabilities, references, out = Path(probabilities), Path(references), Path(out)
    if out.suffix.lower() != ".json" or out.is_dir():
        got = "a folder" if out.is_dir() else f"the extension {out.suffix or '(none)'}"
        raise InputError(mismatch(out, got=got, expected="a file that ends in .json"))
    maps = probability_files(probabilities)
    masks = cases_of(references) if references.is_dir() else dict.fromkeys(maps, references)
    if references.is_file() and len(maps) > 1:
        raise InputError(
            mismatch(references, got="one mask", expected=f"a folder with a mask for each of {len(maps)} maps")
        )
    pairs = match_names(maps, masks)
    check_complete(pairs, probabilities, references)
    label = channel if label is None else label
    volumes: list[Volume] = []

    def read_maps() -> Iterator[npt.ArrayLike]:
        for number, case in enumerate(pairs.cases, start=1):
            assert case.prediction is not None
            progress(case.name, number, len(maps))
            found = read_probability(case.prediction)
            volumes.append(found.volume)
            yield found.foreground[_channel(len(found.foreground), channel, case.prediction)]

    def read_masks() -> Iterator[npt.ArrayLike]:
        is_empty = True
        for case in pairs.cases:
            mask = read_mask(case.reference, None if label is None else [label])
            check_same_geometry(volumes[-1], mask, str(case.prediction), str(case.reference))
            is_empty &= not mask.array.any()
            yield mask.array
        if is_empty:
            got = "no foreground" if label is None else f"no voxel of label {label}"
            raise InputError(mismatch(references, got=got, expected="the structure in at least one mask"))

    def spacings() -> Iterator[tuple[float, ...]]:
        for _ in pairs.cases:
            yield volumes.pop().spacing

    with atomic_output(out) as part:
        calibration = calibrate_repair(
            read_maps(),
            read_masks(),
            spacings=spacings(),
            rules=rules,
            grid=grid,
            tolerance=tolerance,
            criterion=criterion,
        )
        calibration.save(part)
        draw_calibration(calibration, part.with_suffix(".png"))
    return calibration


def _channel(channels: int, wanted: int | None, path: Path) -> int:
    """Returns the index of the wanted channel, counted from 0."""
    if wanted is None and channels > 1:
        raise InputError(mismatch(path, got=f"{channels} classes", expected="one, or the number of the class"))
    if wanted is not None and not 1 <= wanted <= channels:
        raise InputError(mismatch("channel", got=wanted, expected=f"1 to {channels}: the classes of {path}"))
    return 0 if wanted is None else wanted - 1
