"""Repair of files of probability maps, from a folder to masks and a list of the edits."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from segtopo.atomic_output import atomic_output
from segtopo.parallel import Progress, finished_cases, share_processors
from segtopo.persistence.inputs import thread_count
from segtopo.repair.case_repair import MARKUPS, PICTURES, Outputs, repair_case
from segtopo.repair.edit_tables import EDIT_TABLE, RepairedCase, write_edit_table
from segtopo.repair.probability_files import probability_files
from segtopo.repair.rules import RepairRules


def repair_files(
    probabilities: str | Path,
    out: str | Path,
    *,
    rules: RepairRules | Sequence[RepairRules] = RepairRules(),  # noqa: B008 -- frozen
    touching: bool = True,
    union_components: int | None = None,
    label_map: bool = False,
    markups: bool = False,
    pictures: bool = False,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Progress = lambda name, number, total: None,
) -> list[RepairedCase]:
    """Converts probability maps to masks and repairs their topology.

    Args:
        probabilities: A file or a folder of probability maps, see :func:`segtopo.repair.read_probability`.
        out: The folder to make. It must not exist or be empty. It appears when all cases are done. It holds a mask of
            the name and geometry of each map (a label map if there are several classes), and ``edits.csv`` with the
            kind, place, probability and size of each edit.
        rules: The rules of all classes, or of each.
        touching: With several classes: whether edits may add voxels that touch another class.
        union_components: With several classes: the largest number of components of their union; None is no limit.
        label_map: Also write an image of the edits of each case to ``out/edits``, see
            :meth:`segtopo.repair.Repair.label_map`.
        markups: Also write points at the edits for 3D Slicer to ``out/markups``.
        pictures: Also write a picture of the edits of each case to ``out/pictures``.
        workers: Number of cases that are repaired at once; by default one per CPU, at most 8. The threads of each case
            are the CPUs divided by this number.
        executor: Runs the cases, for example a ``ProcessPoolExecutor``; by default threads. It decides how many cases
            run at once, and ``workers`` only sets the threads of each case.
        progress: Called before each case with its name, its number (from 1) and the number of cases.

    Returns:
        The edits and remarks of each case.

    Raises:
        InputError: A file cannot be used, the rules do not fit it, or ``out`` cannot be written.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> from segtopo.volumes import read_mask, write_volume
        >>> folder = Path(tempfile.mkdtemp())
        >>> probability = np.array([[0.9, 0.8, 0.1, 0.7], [0.0, 0.0, 0.0, 0.0]], np.float32)
        >>> write_volume(folder / "probabilities/vessel.nii.gz", probability)
        >>> rules = RepairRules(connect_above=0.1, min_piece_size=0)
        >>> repaired = repair_files(folder / "probabilities", folder / "masks", rules=rules)
        >>> read_mask(folder / "masks/vessel.nii.gz").array[0].tolist()
        [True, True, True, True]
        >>> [(edit.kind, edit.voxel) for edit in repaired[0].edits]
        [('joined', (0, 2))]
    """
    workers, num_threads = share_processors(workers, thread_count(None))
    files = probability_files(probabilities)
    with ExitStack() as stack:
        folder = stack.enter_context(atomic_output(out))
        for part in (folder, *[folder / MARKUPS] * markups, *[folder / PICTURES] * pictures):
            part.mkdir()
        if executor is None:
            executor = stack.enter_context(ThreadPoolExecutor(workers))
        repair = partial(
            repair_case,
            folder=folder,
            rules=rules,
            touching=touching,
            union_components=union_components,
            outputs=Outputs(label_map, markups, pictures),
            num_threads=num_threads,
        )
        named = {name: (name, path) for name, path in files.items()}
        cases = [future.result() for _, future in finished_cases(repair, named, executor, progress)]
        write_edit_table(folder / EDIT_TABLE, cases)
    return cases
