"""Evaluation of predictions against references, from folders to reports."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

from segtopo.atomic_output import atomic_outputs, output_errors
from segtopo.errors import InputError, mismatch
from segtopo.evaluation.case_masks import Case
from segtopo.evaluation.case_scores import CaseResult
from segtopo.evaluation.case_store import CaseStore, case_key
from segtopo.evaluation.options import EvaluationOptions
from segtopo.evaluation.reports import REPORTS
from segtopo.evaluation.reports.registry import HTML, choose_reports
from segtopo.evaluation.results import Evaluation
from segtopo.evaluation.scoring import score_case
from segtopo.evaluation.statistics import summarise
from segtopo.parallel import Progress, failure_of, finished_cases, share_processors
from segtopo.persistence.inputs import thread_count
from segtopo.volumes import is_one_image
from segtopo.volumes.case_pairs import CasePairs, MissingPredictions, cases_of, match_names, pair_cases, shown


def evaluate(
    predictions: str | Path,
    references: str | Path | None,
    out: str | Path,
    options: EvaluationOptions = EvaluationOptions(),  # noqa: B008 -- frozen
    *,
    prediction_pattern: str | None = None,
    reference_pattern: str | None = None,
    missing: MissingPredictions = "error",
    roi: str | Path | None = None,
    images: str | Path | None = None,
    reports: Sequence[str] = tuple(REPORTS),
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Progress = lambda name, number, total: None,
    command: str = "",
) -> Evaluation:
    """Scores predicted masks against references and writes reports.

    A structure that neither mask has is left out of the means. A case that cannot be scored is a failure of the result;
    the others are scored. Finished cases are kept in ``out/cases``; the next evaluation into the same folder skips them
    unless their files or the settings have changed.

    Args:
        predictions: Predicted masks, see :func:`segtopo.evaluation.pair_cases`.
        references: Reference masks.
        out: Folder for the reports. Earlier reports in it are replaced and other files are kept.
        options: The structures, the voxels that count, the scores and the files of each case.
        prediction_pattern: See :func:`segtopo.evaluation.pair_cases`.
        reference_pattern: See :func:`segtopo.evaluation.pair_cases`.
        missing: Whether a missing prediction is an ``"error"``, counts as ``"empty"``, or is a case to ``"skip"``.
        roi: A mask, or a folder with a mask of the name of each case: the voxels that count.
        images: An image, or a folder with an image of the name of each case, for the pictures of 2D cases.
        reports: Reports to write: ``"cases"`` (``cases.csv``), ``"errors"`` (``errors.csv``), ``"summary"``
            (``summary.json``), ``"html"`` (``report.html``).
        workers: Number of cases that are scored at once; by default one per CPU, at most 8. The threads of each case
            are the CPUs divided by this number.
        executor: Runs the cases, for example :class:`segtopo.parallel.WorkerProcesses` or Dask's
            ``client.get_executor()``; by default threads. It decides how many cases run at once, and ``workers`` only
            sets the threads of each case.
        progress: Called before each case with its name, its number (from 1) and the number of cases to score.
        command: The command line, for the report.

    Returns:
        The scores and their summary.

    Raises:
        InputError: No case can be scored, files are missing or unpaired, no mask has a label, an option has no such
            value, or ``out`` cannot be written.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> from segtopo.volumes import write_volume
        >>> folder = Path(tempfile.mkdtemp())
        >>> whole = np.ones((3, 7), dtype=bool)
        >>> write_volume(folder / "references/vessel.png", whole)
        >>> broken = whole.copy()
        >>> broken[:, 3] = False
        >>> write_volume(folder / "predictions/vessel.png", broken)
        >>> evaluation = evaluate(folder / "predictions", folder / "references", folder / "evaluation")
        >>> evaluation.cases[0].numbers["betti_0_error"]
        1.0
        >>> round(evaluation.summary["foreground"]["dice"].mean, 3)
        0.923
    """
    chosen = choose_reports(reports)
    options = replace(options, pictures=options.pictures or HTML in reports)
    processors = thread_count(None)
    workers, num_threads = share_processors(workers, processors)
    pairs = pair_cases(
        predictions,
        references,
        prediction_pattern=prediction_pattern,
        reference_pattern=reference_pattern,
        missing=missing,
    )
    cases = _cases(pairs, roi, images)
    out = Path(out)
    store = CaseStore(out)
    store.remove_abandoned()
    with atomic_outputs(out, [report.file_name for report in chosen]) as folder:
        with nullcontext(executor) if executor is not None else ThreadPoolExecutor(workers) as pool:
            results, failures = _score_cases(cases, options, store, pool, num_threads, progress)
        _check_one_ndim(results, failures)
        _check_any(results, failures)
        _check_labels_found(results, options)
        scores = tuple(score for result in results.values() for score in result.scores)
        evaluation = Evaluation(
            str(predictions),
            str(references or predictions),
            options,
            scores,
            summarise(scores),
            failures,
            pairs.missing,
            pairs.extra,
            {name: result.remarks for name, result in results.items() if result.remarks},
            command,
        )
        for report in chosen:
            with output_errors(out / report.file_name):
                report.write(folder / report.file_name, evaluation)
    return evaluation


def _cases(pairs: CasePairs, roi: str | Path | None, images: str | Path | None) -> dict[str, Case]:
    """Adds the regions and images of the cases to their masks."""
    rois, pictures = (_companions(path, pairs) for path in (roi, images))
    return {pair.name: Case(pair, rois.get(pair.name), pictures.get(pair.name)) for pair in pairs.cases}


def _companions(path: str | Path | None, pairs: CasePairs) -> dict[str, Path]:
    """Returns the file for each case in a folder, or the file for the only case."""
    if path is None:
        return {}
    path = Path(path)
    if not path.exists():
        raise InputError(mismatch(path, got="no such file or folder", expected="an image, or one for each case"))
    is_single = is_one_image(path)
    if is_single and len(pairs.cases) > 1:
        expected = f"a folder with an image for each of {len(pairs.cases)} cases"
        raise InputError(mismatch(path, got="one image", expected=expected))
    if is_single:
        return {pairs.cases[0].name: path}
    found = match_names(cases_of(path), {pair.name: pair.reference for pair in pairs.cases})
    if found.missing:
        got = f"no image for {shown(found.missing)}"
        raise InputError(mismatch(path, got=got, expected="an image for every case"))
    return {case.name: case.prediction for case in found.cases if case.prediction is not None}


def _score_cases(
    cases: dict[str, Case],
    options: EvaluationOptions,
    store: CaseStore,
    executor: Executor,
    num_threads: int,
    progress: Progress,
) -> tuple[dict[str, CaseResult], dict[str, str]]:
    """Scores the cases that are not finished, and returns all results and failures in the order of the cases."""
    keys = {name: case_key(case, options) for name, case in cases.items()}
    results = {name: store.load(name, key) for name, key in keys.items()}
    failures: dict[str, str] = {}
    waiting = {name: case for name, case in cases.items() if results[name] is None}
    score = partial(score_case, options=options, num_threads=num_threads)
    for name, future in finished_cases(score, waiting, executor, progress):
        error = future.exception()
        if error is None:
            results[name] = future.result()
            # A case without any structure takes no time, and may only show that a label is mistyped.
            if any(score.present for score in future.result().scores):
                store.save(name, keys[name], future.result())
        else:
            failures[name] = failure_of(error)
    return {name: result for name, result in results.items() if result is not None}, failures


def _check_one_ndim(results: dict[str, CaseResult], failures: dict[str, str]) -> None:
    """Turns results of another number of axes than the first into failures: their scores have other names."""
    first = next(iter(results), "")
    for name in list(results):
        ndim, expected = results[name].scores[0].ndim, results[first].scores[0].ndim
        if ndim != expected:
            failures[name] = mismatch(f"case {name}", got=f"{ndim}D", expected=f"{expected}D as case {first}")
            del results[name]


def _check_any(results: dict[str, CaseResult], failures: dict[str, str]) -> None:
    """Raises InputError if all cases have failed."""
    if not results:
        more = f" ({len(failures) - 1} more cases failed)" if len(failures) > 1 else ""
        raise InputError(next(iter(failures.values())) + more)


def _check_labels_found(results: dict[str, CaseResult], options: EvaluationOptions) -> None:
    """Raises InputError for a structure that no mask has, as of a mistyped label."""
    present = {score.structure for result in results.values() for score in result.scores if score.present}
    for structure in options.structures:
        if structure.name not in present and options.labels is not None:
            expected = f"a structure in at least one of the {len(results)} pairs of masks"
            raise InputError(mismatch("labels", got=structure.name, expected=expected))
