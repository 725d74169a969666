"""Repair of files of probability maps, from a folder to masks and a list of the edits."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path

from segtopo.case_records import CaseRecords
from segtopo.errors import FailedCasesError
from segtopo.parallel import Progress, failure_of, finished_cases, share_processors
from segtopo.persistence.inputs import thread_count
from segtopo.repair.case_repair import Outputs, repair_case
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
        out: The folder of the results: a mask of the name and geometry of each map (a label map if there are several
            classes), and ``edits.csv`` with the kind, place, probability and size of each edit. It is new or empty, or
            holds results of the same settings: the cases that are finished there are skipped.
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
        FailedCasesError: Some files cannot be used, or the rules do not fit them. The other cases are finished.
        InputError: There is no map, or ``out`` has other content.
        OutputError: ``out`` cannot be written, or the disk is full.

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
    settings = {
        "command": "repair",
        "rules": [asdict(own) for own in ([rules] if isinstance(rules, RepairRules) else rules)],
        "touching": touching,
        "union_components": union_components,
        "outputs": asdict(outputs := Outputs(label_map, markups, pictures)),
    }
    with CaseRecords(Path(out), settings) as records:
        finished = {name: records.load(name, [path]) for name, path in files.items()}
        cases = {name: RepairedCase.from_record(record) for name, record in finished.items() if record is not None}
        waiting = {name: (name, path) for name, path in files.items() if name not in cases}
        repair = partial(
            repair_case,
            records=records,
            rules=rules,
            touching=touching,
            union_components=union_components,
            outputs=outputs,
            num_threads=num_threads,
        )
        failures: dict[str, str] = {}
        with nullcontext(executor) if executor is not None else ThreadPoolExecutor(workers) as pool:
            for name, future in finished_cases(repair, waiting, pool, progress):
                error = future.exception()
                if error is None:
                    cases[name] = future.result()
                else:
                    failures[name] = failure_of(error)
        repaired = [cases[name] for name in files if name in cases]
        if repaired:
            write_edit_table(records.out / EDIT_TABLE, repaired)
    if failures:
        raise FailedCasesError(failures, len(files))
    return repaired
