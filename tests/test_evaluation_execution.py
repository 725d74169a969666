"""Executors, workers and threads of an evaluation, reruns, and the choice of its reports."""

from __future__ import annotations

import json
import os
import pickle
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segtopo.errors import InputError
from segtopo.evaluation import Evaluation, EvaluationOptions, case_masks, evaluate
from segtopo.parallel import WorkerProcesses
from segtopo.volumes import write_volume

OPTIONS = EvaluationOptions(labels=[1, 2], scores=("overlap", "topology"), label_map=True, markups=True)
REPORTS = ("cases.csv", "errors.csv", "summary.json", "report.html")


class PicklingExecutor(ThreadPoolExecutor):
    """Sends call and result through pickle, as executors of other processes and machines do."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **options: Any) -> Future[Any]:
        call = pickle.dumps((function, args, options))

        def run() -> Any:
            received, arguments, keywords = pickle.loads(call)
            return pickle.loads(pickle.dumps(received(*arguments, **keywords)))

        return super().submit(run)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Label maps of two structures."""
    rng = np.random.default_rng(0)
    for name in ("a", "b", "c"):
        reference = rng.integers(0, 3, size=(7, 11)).astype(np.uint8)
        write_volume(tmp_path / "r" / f"{name}.nii.gz", reference)
        write_volume(tmp_path / "p" / f"{name}.nii.gz", np.roll(reference, 1, 1))
    return tmp_path / "p", tmp_path / "r"


def files_of(out: Path) -> dict[str, bytes]:
    """The outputs of an evaluation, without the keys, which depend on the folder."""
    files = {path.relative_to(out).as_posix(): path for path in out.rglob("*") if path.is_file()}
    content = {name: path.read_bytes() for name, path in files.items() if path.name != "scores.json"}
    for name, path in files.items():
        if path.name == "scores.json":
            scores = json.loads(path.read_text(encoding="utf-8"))
            del scores["key"]
            content[name] = json.dumps(scores).encode()
    return content


def executor_of(kind: str) -> Executor:
    return {"pickling": PicklingExecutor, "processes": WorkerProcesses, "threads": ThreadPoolExecutor}[kind](2)


@pytest.mark.parametrize("kind", ["pickling", "processes"])
def test_an_executor_gives_the_same_evaluation(kind: str, folders: tuple[Path, Path], tmp_path: Path) -> None:
    with executor_of(kind) as executor:
        other = evaluate(*folders, tmp_path / "other", OPTIONS, executor=executor)
        executor.submit(len, []).result()  # the caller's executor stays open
    own = evaluate(*folders, tmp_path / "own", OPTIONS)
    assert_same(other, own)
    assert files_of(tmp_path / "other") == files_of(tmp_path / "own")
    assert set(REPORTS) < set(files_of(tmp_path / "own"))


def assert_same(found: Evaluation, expected: Evaluation) -> None:
    """Evaluations are equal; NaN equals NaN."""
    assert repr(found) == repr(expected)


@pytest.fixture
def kept_environment() -> Iterator[None]:
    """Restores the environment: Dask limits the threads of its workers by variables that it leaves behind."""
    before = os.environ.copy()
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.usefixtures("kept_environment")
def test_a_cluster_gives_the_same_evaluation(folders: tuple[Path, Path], tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    from segtopo.parallel import dask_executor

    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1", silence_logs=50
        ) as cluster,
        dask_executor(cluster.scheduler_address) as executor,
    ):
        found = evaluate(*folders, tmp_path / "dask", OPTIONS, executor=executor)
    assert_same(found, evaluate(*folders, tmp_path / "own", OPTIONS))
    assert files_of(tmp_path / "dask") == files_of(tmp_path / "own")


def test_no_cluster_is_refused() -> None:
    pytest.importorskip("distributed")
    from segtopo.parallel import dask_executor

    with (
        pytest.raises(InputError, match=r"^scheduler: got 127\.0\.0\.1:1, expected the address of a Dask scheduler"),
        dask_executor("127.0.0.1:1", timeout=1),
    ):
        pass


@pytest.mark.parametrize(("workers", "threads"), [(1, 6), (2, 3), (4, 1), (9, 1)])
def test_workers_share_the_processors(
    workers: int, threads: int, folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sys.modules["segtopo.evaluation.evaluate"]
    received = []
    original = module.score_case  # type: ignore[attr-defined]

    def score_case(case: Any, options: Any, num_threads: int) -> Any:
        received.append(num_threads)
        return original(case, options, num_threads)

    monkeypatch.setattr(module, "score_case", score_case)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(6)), raising=False)
    evaluate(*folders, tmp_path / "out", OPTIONS, workers=workers)
    assert received == [threads] * 3


def test_every_file_is_read_once(folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    original = case_masks.read_volume

    def read_volume(path: Path) -> Any:
        read.append(path)
        return original(path)

    monkeypatch.setattr(case_masks, "read_volume", read_volume)
    evaluation = evaluate(*folders, tmp_path / "out", replace(OPTIONS, labels=[2, 1]))
    assert [(scores.case, scores.structure) for scores in evaluation.cases] == [
        (case, structure) for case in "abc" for structure in "21"
    ]
    assert sorted(read) == sorted(path for folder in folders for path in folder.iterdir())


def begun_cases(folders: tuple[Path, Path], out: Path, options: EvaluationOptions, **others: Any) -> list[str]:
    begun: list[str] = []
    evaluate(*folders, out, options, progress=lambda name, *_: begun.append(name), **others)
    return begun


def test_a_rerun_scores_only_cases_that_have_changed(folders: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert begun_cases(folders, out, OPTIONS) == ["a", "b", "c"]
    before = files_of(out)
    assert begun_cases(folders, out, OPTIONS) == []
    assert files_of(out) == before
    write_volume(folders[0] / "b.nii.gz", np.full((7, 11), 2, np.uint8))
    assert begun_cases(folders, out, OPTIONS) == ["b"]
    assert files_of(out)["cases.csv"] != before["cases.csv"]
    assert begun_cases(folders, out, replace(OPTIONS, construction="V")) == ["a", "b", "c"]
    (out / "cases/c/scores.json").write_text("{}", encoding="utf-8")
    assert begun_cases(folders, out, replace(OPTIONS, construction="V")) == ["c"]


def test_a_rerun_after_a_failure_scores_the_failed_case_alone(folders: tuple[Path, Path], tmp_path: Path) -> None:
    path = folders[0] / "b.nii.gz"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    first = evaluate(*folders, tmp_path / "out", OPTIONS)
    assert list(first.failures) == ["b"]
    path.write_bytes(whole)
    assert begun_cases(folders, tmp_path / "out", OPTIONS) == ["b"]
    assert_same(
        evaluate(*folders, tmp_path / "out", OPTIONS),
        evaluate(*folders, tmp_path / "fresh", OPTIONS),
    )


def test_an_interrupt_keeps_the_finished_cases(folders: tuple[Path, Path], tmp_path: Path) -> None:
    def interrupt(name: str, number: int, total: int) -> None:
        if name == "c":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(*folders, tmp_path / "out", OPTIONS, workers=1, progress=interrupt)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["cases"]
    assert begun_cases(folders, tmp_path / "out", OPTIONS) == ["c"]


def test_no_workers_are_refused(folders: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^workers: got 0, expected at least 1"):
        evaluate(*folders, tmp_path / "out", workers=0)


def test_reports_are_chosen_by_name(folders: tuple[Path, Path], tmp_path: Path) -> None:
    evaluate(*folders, tmp_path / "out", OPTIONS, reports=["summary"])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["cases", "summary.json"]
    evaluate(*folders, tmp_path / "out", OPTIONS, reports=("errors",))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["cases", "errors.csv", "summary.json"]


def test_an_unknown_report_is_refused_before_any_scoring(folders: tuple[Path, Path], tmp_path: Path) -> None:
    begun: list[str] = []
    with pytest.raises(InputError, match=r"^reports: got 'pdf', expected some of \('cases', 'errors', "):
        evaluate(*folders, tmp_path / "out", reports=["pdf"], progress=lambda name, *_: begun.append(name))
    assert not begun
    assert not (tmp_path / "out").exists()
