"""Hidden folders in which outputs grow. Each is locked while its process lives; one that was left behind is removed."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

#: The folders of this process, each with the new folders around it, for its end in the middle of the work.
_OWN: dict[Path, list[Path]] = {}


def remove_own() -> None:
    """Removes all folders of this process, just before it ends without leaving its blocks."""
    for folder in list(_OWN):
        _remove(folder)


def remove_abandoned(folder: Path) -> None:
    """Removes the hidden folders that killed processes have left anywhere below a folder.

    A process may be killed between the last move of an output and the removal of its folder. The output is whole then,
    so nobody makes it again.
    """
    with suppress(OSError):  # a folder that another process removes
        _remove_abandoned(folder.rglob(".*.part"), ".+")


@contextmanager
def part_folder(parent: Path, name: str) -> Iterator[Path]:
    """Makes a hidden folder ``.NAME.XXXXXXXX.part`` for the block, and removes it at the end.

    New folders around it are removed too if they are empty, as after an error.

    Folders of the same name that a killed process has left in ``parent`` are removed first.

    Args:
        parent: The folder around it; it is created with its parents.
        name: Name of the output.

    Raises:
        OSError: The folder cannot be made.
    """
    new_folders = [around for around in (parent, *parent.parents) if not around.exists()]
    with suppress(OSError):  # no such folder, or a folder of another user
        _remove_abandoned(parent.iterdir(), re.escape(name))
    try:
        folder, lock = _make(parent, name)
    except OSError:
        _remove_empty(new_folders)
        raise
    _OWN[folder] = new_folders
    try:
        yield folder
    finally:
        _remove(folder)
        if lock is not None:
            os.close(lock)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _remove_empty(_OWN.pop(folder, []))


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        with suppress(OSError):  # a folder that holds the output is not empty, so it is kept
            folder.rmdir()


def _make(parent: Path, name: str) -> tuple[Path, int | None]:
    """Makes and locks a folder. The lock ends with the process, however that ends."""
    while True:
        folder = parent / f".{name}.{uuid.uuid4().hex[:8]}.part"
        folder.mkdir(parents=True)
        try:
            lock = _lock(folder)
        except OSError:
            return folder, None  # a file system without locks, on which nothing is removed
        # Before the lock is taken, another process may take the folder for an abandoned one and remove it.
        if lock is not None and folder.exists():
            return folder, lock


def _lock(folder: str | Path) -> int | None:
    """Returns the descriptor of a locked folder, or None if the folder is locked or gone.

    Raises:
        OSError: The file system has no locks.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        import fcntl  # Windows has none, and refuses to open a folder above

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError):
            return None
        raise
    return descriptor


def _remove_abandoned(entries: Iterable[Path], name: str) -> None:
    """Removes the hidden folders of outputs whose names match a regular expression, if no process holds their lock."""
    pattern = re.compile(rf"\.{name}\.[0-9a-f]{{8}}\.part")
    for entry in list(entries):
        if pattern.fullmatch(entry.name) and entry.is_dir() and not entry.is_symlink():
            with suppress(OSError):  # a file system without locks
                lock = _lock(entry)
                if lock is not None:
                    shutil.rmtree(entry, ignore_errors=True)
                    os.close(lock)
