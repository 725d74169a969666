"""Ctrl-C and SIGTERM end a command within a second, also during a long call of compiled code."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from segtopo.part_folders import remove_own

INTERRUPTED = 130
GRACE_SECONDS = 0.7


@contextmanager
def prompt_interruption() -> Iterator[None]:
    """Ends the program if the block does not end soon after a signal.

    Python handles a signal between two of its own instructions: a long call of compiled code, or a pool of threads at
    its end, would delay it. SIGTERM raises KeyboardInterrupt, as SIGINT does. A block that has a handler of its own,
    such as a training, which saves its state, is left alone.
    """
    signal.signal(signal.SIGTERM, _raise_interrupt)
    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    signal.set_wakeup_fd(sender.fileno())
    ended = threading.Event()
    threading.Thread(target=_watch, args=(receiver, ended), daemon=True).start()
    try:
        yield
    finally:
        ended.set()
        signal.set_wakeup_fd(-1)
        sender.close()


def _raise_interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _watch(receiver: socket.socket, ended: threading.Event) -> None:
    """Waits for signals: the interpreter writes the number of each to the socket at once."""
    while True:
        received = receiver.recv(1)
        if not received:
            return
        number = received[0]
        if signal.getsignal(number) not in (_raise_interrupt, signal.default_int_handler):
            continue
        if not ended.wait(GRACE_SECONDS):
            remove_own()
            os._exit(INTERRUPTED)
        return
