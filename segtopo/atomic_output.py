"""Output that appears whole or not at all."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from segtopo.errors import InputError


@contextmanager
def atomic_output(path: str | Path) -> Iterator[Path]:
    """Gives a path to write to, and moves what is there to ``path`` once the block ends without an error.

    The block may write one file, a file with companions (an ``.mhd`` with its ``.raw``) or a folder of that
    name. The path given has the name asked for, in a hidden folder beside the destination: writers choose
    their format by the name, and a move within one file system is atomic. After an error nothing is left.

    Args:
        path: Destination. Missing parent folders are made. An existing file is replaced; an existing folder
            is only replaced if it is empty.

    Yields:
        The path to write to.

    Raises:
        InputError: If the destination cannot be written, or is a folder that already holds something.

    Example:
        >>> import tempfile
        >>> out = Path(tempfile.mkdtemp()) / "new" / "note.txt"
        >>> with atomic_output(out) as part:
        ...     _ = part.write_text("whole")
        >>> out.read_text(), [file.name for file in out.parent.iterdir()]
        ('whole', ['note.txt'])
    """
    path = Path(path)
    folder = path.parent / f".{path.name}.{uuid.uuid4().hex[:8]}.part"
    try:
        if path.is_dir() and any(path.iterdir()):
            raise InputError(f"{path}: already exists and is not empty; expected a new or empty output folder")
        folder.mkdir(parents=True)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        yield folder / path.name
        _move_into_place(folder, path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _move_into_place(folder: Path, path: Path) -> None:
    """Companions first, so that the file which names them never appears without them."""
    try:
        if path.is_dir() and (folder / path.name).is_dir():
            path.rmdir()
        for part in sorted(folder.iterdir(), key=lambda part: part.name == path.name):
            part.replace(path.parent / part.name)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path}: cannot be written ({error.strerror}); expected a path in a writable folder")
