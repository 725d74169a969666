"""Stops a long computation at a safe point after SIGTERM or SIGINT."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any

#: Job managers send a signal to the process and to its group: two signals within this time are one request.
REPEAT_SECONDS = 1.0


class TrainingInterruptedError(RuntimeError):
    """The training received a signal, saved its state and stopped."""


class StopRequest:
    """Records the first SIGTERM or SIGINT within a ``with`` statement.

    A second signal, one second later or more, has its usual effect.

    Example:
        >>> with StopRequest() as stop:
        ...     stop.raise_if_received()
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._received_at = 0.0
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> StopRequest:
        # In Python only the main thread can set signal handlers; in other threads signals keep their usual effect.
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
        """Raises TrainingInterruptedError if a signal was received."""
        if self.received is not None:
            raise TrainingInterruptedError(f"stopped by {self.received.name}")
