"""Cases on executors: order, errors, processes that die, interrupts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from segtopo.parallel import WorkerProcesses, finished_cases


def test_results_come_in_the_order_of_the_cases() -> None:
    cases = {"slow": 0.2, "fast": 0.0}
    steps: list[tuple[str, int, int]] = []
    with ThreadPoolExecutor(2) as executor:
        done = [name for name, _ in finished_cases(time.sleep, cases, executor, lambda *step: steps.append(step))]
    assert done == ["slow", "fast"]
    assert steps == [("slow", 1, 2), ("fast", 2, 2)]


def test_the_cases_after_an_early_end_are_cancelled() -> None:
    with ThreadPoolExecutor(1) as executor:
        finished = finished_cases(time.sleep, {"a": 0.0, "b": 0.3, "c": 0.3, "d": 0.3}, executor, lambda *_: None)
        next(finished)
        start = time.monotonic()
        finished.close()
    assert time.monotonic() - start < 0.8


def test_processes_return_results_and_errors() -> None:
    with WorkerProcesses(2) as executor:
        futures = [executor.submit(os.path.basename, f"folder/{n}") for n in range(5)]
        wrong = executor.submit(int, "word")
        assert [future.result() for future in futures] == list("01234")
        with pytest.raises(ValueError, match="word"):
            wrong.result()
        ids = {executor.submit(os.getpid).result() for _ in range(6)}
    assert os.getpid() not in ids
    assert len(ids) <= 2


def test_a_process_that_dies_is_replaced_and_the_task_tried_again(tmp_path: Path) -> None:
    first = tmp_path / "first"
    # The command dies the first time and leaves a trace; the second time it finds the trace.
    code = (
        f"import os, signal; p = {str(first)!r}; os.path.exists(p) or (open(p, 'w').close(), os.kill(os.getpid(), 9))"
    )
    with WorkerProcesses(1) as executor:
        assert executor.submit(exec, code).result() is None
        assert first.exists()
        assert executor.submit(len, "after").result() == 5


def test_a_task_that_always_kills_its_process_fails_alone() -> None:
    with WorkerProcesses(2) as executor:
        deadly = executor.submit(os.kill, 0, 0)  # a harmless task first, so that both processes exist
        deadly.exception()
        dead = executor.submit(exec, "import os; os.kill(os.getpid(), 9)")
        others = [executor.submit(len, "x" * n) for n in range(6)]
        assert [future.result() for future in others] == list(range(6))
        with pytest.raises(ChildProcessError, match="the process died"):
            dead.result()


def sleep_and_fail(futures: list[Future[None]]) -> None:
    with WorkerProcesses(2) as executor:
        futures.append(executor.submit(time.sleep, 60))
        executor.submit(os.getpid).result()
        raise RuntimeError("stop")


def test_an_error_ends_the_processes_at_once() -> None:
    start = time.monotonic()
    futures: list[Future[None]] = []
    with pytest.raises(RuntimeError, match="stop"):
        sleep_and_fail(futures)
    assert time.monotonic() - start < 20
    assert futures[0].cancelled() or futures[0].exception() is not None


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_an_interrupt_ends_processes_that_compute(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import time\nfrom segtopo.parallel import WorkerProcesses\n"
        "if __name__ == '__main__':\n"
        "    with WorkerProcesses(1) as executor:\n"
        "        future = executor.submit(time.sleep, 60)\n"
        "        print(executor.submit(abs, 0) is not None, flush=True)\n"
        "        future.result()\n",
        encoding="utf-8",
    )
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) != 0


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be raised so")
def test_an_interrupt_waits_until_all_cases_are_submitted() -> None:
    begun: list[str] = []

    class InterruptedPool(ThreadPoolExecutor):
        def submit(self, function: Any, /, *arguments: Any, **options: Any) -> Any:
            signal.raise_signal(signal.SIGINT)
            begun.append(arguments[0])
            return super().submit(function, *arguments, **options)

    handler = signal.getsignal(signal.SIGINT)
    with InterruptedPool(2) as pool, pytest.raises(KeyboardInterrupt):
        list(finished_cases(len, {"a": "word", "b": "words"}, pool, lambda *step: None))
    assert begun == ["word", "words"]
    assert signal.getsignal(signal.SIGINT) is handler
