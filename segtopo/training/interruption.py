"""Leaving a long computation on SIGTERM or SIGINT where it is safe to, instead of anywhere."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any

#: Job managers send a signal to the process and to its group: within this time it is the same request.
REPEAT_SECONDS = 1.0


class TrainingInterruptedError(RuntimeError):
    """The training was asked to stop and has saved its state."""


class StopRequest:
    """Within ``with``, the first SIGTERM or SIGINT is noted; one that comes a second later acts as it did before.

    Example:
        >>> with StopRequest() as stop:
        ...     stop.raise_if_received()
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._received_at = 0.0
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> StopRequest:
        # Python lets only the main thread handle signals; elsewhere they keep the meaning they have.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._previous[number] = signal.signal(number, self._receive)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.received is None:
            self.received = signal.Signals(number)
            self._received_at = time.monotonic()
        elif time.monotonic() - self._received_at >= REPEAT_SECONDS:
            self._restore()
            signal.raise_signal(number)

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()

    def raise_if_received(self) -> None:
        """Raises TrainingInterruptedError if a signal has come."""
        if self.received is not None:
            raise TrainingInterruptedError(f"stopped by {self.received.name}")
