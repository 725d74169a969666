"""Work on many cases, in threads, in processes of their own, or on the executor of a cluster."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any, TypeAlias, TypeVar

from segtopo.errors import InputError, OutputError, mismatch

Case = TypeVar("Case")
Result = TypeVar("Result")

Progress: TypeAlias = Callable[[str, int, int], None]
"""A function called before each case with its name, its number (from 1) and the number of cases."""

MOST_WORKERS = 8  # a case of 512^3 voxels takes more than a gigabyte

TRIES = 2  # a process that is killed may have been too large beside the others


def share_processors(workers: int | None, processors: int) -> tuple[int, int]:
    """Returns the number of cases to work on at once, and the number of threads for each.

    Args:
        workers: The wanted number of cases; None: one for each processor, at most 8.
        processors: The number of processors.

    Raises:
        InputError: The wanted number is below 1.

    Example:
        >>> share_processors(None, 16), share_processors(3, 16)
        ((8, 2), (3, 5))
    """
    workers = min(processors, MOST_WORKERS) if workers is None else workers
    if workers < 1:
        raise InputError(mismatch("workers", got=workers, expected="at least 1"))
    return workers, max(1, processors // workers)


def finished_cases(
    function: Callable[[Case], Result], cases: Mapping[str, Case], executor: Executor, progress: Progress
) -> Iterator[tuple[str, Future[Result]]]:
    """Runs a function for each case on an executor, and yields the finished cases in their order.

    When the caller ends early, for instance after an error, the cases that have not begun are cancelled.

    Args:
        function: Takes a case. For other processes and machines, it and its argument and result can be pickled.
        cases: The cases by name.
        executor: Decides how many cases run at once.
        progress: Called before each case.

    Yields:
        The name of the case, and its future with the result or the error.

    Example:
        >>> with ThreadPoolExecutor(2) as executor:
        ...     finished = finished_cases(len, {"a": "word", "b": "words"}, executor, lambda *step: print(*step))
        ...     {name: future.result() for name, future in finished}
        a 1 2
        b 2 2
        {'a': 4, 'b': 5}
    """
    futures: dict[str, Future[Result]] = {}
    try:
        with _interrupts_deferred():
            for name, case in cases.items():
                futures[name] = executor.submit(function, case)
        for number, (name, future) in enumerate(futures.items(), start=1):
            progress(name, number, len(cases))
            future.exception()
            yield name, future
    finally:
        for future in futures.values():
            future.cancel()


def failure_of(error: BaseException) -> str:
    """Returns the reason for a failed case in one line. An error that concerns all cases is raised again.

    Example:
        >>> failure_of(InputError("case.png: got no image")), failure_of(ZeroDivisionError("division by zero"))
        ('case.png: got no image', 'ZeroDivisionError: division by zero')
    """
    if not isinstance(error, Exception) or isinstance(error, OutputError | ModuleNotFoundError):
        raise error
    return str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"


@contextmanager
def _interrupts_deferred() -> Iterator[None]:
    """Delays Ctrl-C until the end of the block.

    A pool of threads does not wait for a thread whose start was interrupted, and the thread goes on writing.
    """
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    received: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda number, frame: received.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
    if received:
        handler(*received[0])


@contextmanager
def dask_executor(address: str, timeout: float = 10.0) -> Iterator[Executor]:
    """Yields an executor of the workers of a Dask cluster, which must see the files at the same paths.

    Args:
        address: Address of the scheduler, for instance ``"tcp://10.0.0.1:8786"``.
        timeout: Seconds to wait for its answer.

    Raises:
        InputError: No scheduler answers.
    """
    from distributed import Client

    try:
        client: Any = Client(address, timeout=timeout)
    except (OSError, ValueError) as error:
        expected = "the address of a Dask scheduler, for instance tcp://10.0.0.1:8786"
        raise InputError(mismatch("scheduler", got=address, expected=expected)) from error
    with client:
        yield client.get_executor(retries=TRIES - 1)


class WorkerProcesses(ThreadPoolExecutor):
    """An executor whose tasks run in processes; one that dies is replaced, and its task tried once more.

    When the ``with`` block ends with an error or an interrupt, the processes are killed at once.

    Args:
        workers: Number of processes.
    """

    def __init__(self, workers: int) -> None:
        super().__init__(workers)
        self._own = threading.local()
        self._lock = threading.Lock()
        self._processes: set[_WorkerProcess] = set()
        self._is_ending = False

    def submit(self, function: Callable[..., Result], /, *args: Any, **options: Any) -> Future[Result]:
        """Runs a function in a process. Its future has a :class:`ChildProcessError` if the process dies twice."""
        return super().submit(self._run, partial(function, *args, **options))

    def __exit__(self, kind: type[BaseException] | None, *error: Any) -> None:
        if kind is not None:
            self.shutdown(wait=False, cancel_futures=True)
            self._end_processes()
        super().__exit__(kind, *error)
        self._end_processes()

    def _run(self, task: Callable[[], Result]) -> Result:
        for _ in range(TRIES):
            process = getattr(self._own, "process", None) or self._start()
            try:
                return process.run(task)
            except EOFError:
                self._processes.discard(process)
                self._own.process = None
        raise ChildProcessError(f"the process died ({TRIES} times), perhaps because memory was short")

    def _start(self) -> _WorkerProcess:
        with self._lock:
            if self._is_ending:
                raise CancelledError
            self._own.process = process = _WorkerProcess()
            self._processes.add(process)
        return process

    def _end_processes(self) -> None:
        with self._lock:
            self._is_ending = True
            while self._processes:
                self._processes.pop().end()


class _WorkerProcess:
    """A process that runs tasks one after the other."""

    def __init__(self) -> None:
        # Forked processes inherit locks that other threads may hold.
        context = multiprocessing.get_context("spawn")
        self._connection, other_end = context.Pipe()
        self._process = context.Process(target=_serve, args=(other_end,), daemon=True)
        self._process.start()
        other_end.close()

    def run(self, task: Callable[[], Result]) -> Result:
        """Returns the result of a task or raises its error; EOFError if the process dies."""
        try:
            self._connection.send(task)
            is_done, answer = self._connection.recv()
        except (BrokenPipeError, ConnectionResetError) as error:
            raise EOFError from error
        if is_done:
            return answer  # type: ignore[no-any-return]
        raise answer

    def end(self) -> None:
        """Kills the process."""
        self._process.kill()
        self._process.join()
        self._connection.close()


def _serve(connection: Connection[Any, Any]) -> None:
    """Runs the tasks that arrive, until the other end closes the connection."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent kills the process when the user interrupts it
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        try:
            answer = True, task()
        except Exception as error:
            answer = False, error
        connection.send(answer)
