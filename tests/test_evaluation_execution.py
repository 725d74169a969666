"""Executors, workers and threads of an evaluation, and the choice of its reports."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segtopo.errors import InputError
from segtopo.evaluation import evaluate, scoring
from segtopo.volumes import write_volume


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


def test_an_executor_gives_the_same_evaluation(folders: tuple[Path, Path], tmp_path: Path) -> None:
    with PicklingExecutor(2) as executor:
        other = evaluate(*folders, tmp_path / "other", labels=[1, 2], executor=executor)
        executor.submit(len, []).result()  # the caller's executor stays open
    assert other == evaluate(*folders, tmp_path / "own", labels=[1, 2])
    for name in ("cases.csv", "errors.csv", "summary.json"):
        assert (tmp_path / "other" / name).read_bytes() == (tmp_path / "own" / name).read_bytes()


@pytest.mark.parametrize(("workers", "threads"), [(1, 6), (2, 3), (4, 1), (9, 1)])
def test_workers_share_the_processors(
    workers: int, threads: int, folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    received = []

    def match_features(*masks: Any) -> Any:
        received.append(masks[-1])
        return original(*masks)

    original = scoring.match_features
    monkeypatch.setattr(scoring, "match_features", match_features)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(6)), raising=False)
    evaluate(*folders, tmp_path / "out", labels=[1], workers=workers)
    assert received == [threads] * 3


def test_every_file_is_read_once(folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []

    def read_volume(path: Path) -> Any:
        read.append(path)
        return original(path)

    original = scoring.read_volume
    monkeypatch.setattr(scoring, "read_volume", read_volume)
    evaluation = evaluate(*folders, tmp_path / "out", labels=[2, 1])
    assert [(scores.case, scores.label) for scores in evaluation.cases] == [
        (case, label) for case in "abc" for label in "21"
    ]
    assert sorted(read) == sorted(path for folder in folders for path in folder.iterdir())


class FailingExecutor(Executor):
    """Fails in the first call and never begins the others."""

    def __init__(self) -> None:
        self.futures: list[Future[Any]] = []

    def submit(self, *_: Any, **__: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if not self.futures:
            future.set_exception(InputError("a.nii.gz: got no image"))
        self.futures.append(future)
        return future


def test_an_error_cancels_the_cases_that_follow(folders: tuple[Path, Path], tmp_path: Path) -> None:
    begun: list[str] = []
    executor = FailingExecutor()
    with pytest.raises(InputError, match=r"^a\.nii\.gz: got no image"):
        evaluate(*folders, tmp_path / "out", executor=executor, progress=lambda name, *_: begun.append(name))
    assert [future.cancelled() for future in executor.futures] == [False, True, True]
    assert begun == ["a"]
    assert not (tmp_path / "out").exists()


def test_no_workers_are_refused(folders: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^workers: got 0, expected at least 1"):
        evaluate(*folders, tmp_path / "out", workers=0)


def test_reports_are_chosen_by_name(folders: tuple[Path, Path], tmp_path: Path) -> None:
    evaluate(*folders, tmp_path / "out", labels=[1], reports=["summary"])
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["summary.json"]
    evaluate(*folders, tmp_path / "out", labels=[1], reports=("errors",))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["errors.csv", "summary.json"]


def test_an_unknown_report_is_refused_before_any_scoring(folders: tuple[Path, Path], tmp_path: Path) -> None:
    begun: list[str] = []
    with pytest.raises(InputError, match=r"^reports: got 'html', expected some of \('cases', 'errors', 'summary'\)"):
        evaluate(*folders, tmp_path / "out", reports=["html"], progress=lambda name, *_: begun.append(name))
    assert not begun
    assert not (tmp_path / "out").exists()
