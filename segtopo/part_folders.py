"""Hidden folders in which outputs grow. Each is locked while its process lives; one that was left behind is removed."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

#: The folders of this process, each with the new folders around it, for its end in the middle of the work.
_OWN: dict[Path, list[Path]] = {}


def remove_own() -> None:
    """Removes all folders of this process, just before it ends without leaving its blocks."""
    for folder in list(_OWN):
        _remove(folder)


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
    _remove_abandoned(parent, name)
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


def _remove_abandoned(parent: Path, name: str) -> None:
    pattern = re.compile(rf"\.{re.escape(name)}\.[0-9a-f]{{8}}\.part")
    with suppress(OSError):  # no such folder, a folder of another user, or a file system without locks
        for entry in list(os.scandir(parent)):
            if pattern.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                lock = _lock(entry.path)
                if lock is not None:
                    shutil.rmtree(entry.path, ignore_errors=True)
                    os.close(lock)
