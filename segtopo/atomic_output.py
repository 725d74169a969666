"""Output that appears complete or not at all."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from segtopo.errors import InputError, mismatch


@contextmanager
def atomic_output(path: str | Path) -> Iterator[Path]:
    """Yields a temporary path to write to, and moves the output to ``path`` when the block ends without an error.

    The block writes a file, a file with companions (an ``.mhd`` file with its ``.raw`` file) or a folder. The temporary
    path is in a hidden folder beside ``path``, because a move within one file system is atomic. It has the same file
    name, because writers choose the format by the extension.

    After an error the destination is unchanged, and the temporary folder and new parent folders are removed.

    Args:
        path: Destination. Missing parent folders are created. An existing file is replaced; an existing folder is
            replaced only if it is empty.

    Yields:
        The temporary path.

    Raises:
        InputError: The destination cannot be written, or is a folder that is not empty.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "new" / "note.txt"
        >>> with atomic_output(path) as part:
        ...     _ = part.write_text("complete")
        >>> path.read_text(), [file.name for file in path.parent.iterdir()]
        ('complete', ['note.txt'])
    """
    path = Path(path)
    folder = path.parent / f".{path.name}.{uuid.uuid4().hex[:8]}.part"
    with _os_errors_as_input_errors(path):
        if path.is_dir() and any(path.iterdir()):
            raise InputError(mismatch(path, got="a folder that is not empty", expected="a new or empty folder"))
        new_parents = [parent for parent in path.parents if not parent.exists()]
    try:
        with _os_errors_as_input_errors(path):
            folder.mkdir(parents=True)
        yield folder / path.name
        with _os_errors_as_input_errors(path):
            _move_into_place(folder, path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        for parent in new_parents:
            with suppress(OSError):  # A parent that holds the output is not empty, so it is kept.
                parent.rmdir()


@contextmanager
def atomic_outputs(folder: str | Path, names: Sequence[str]) -> Iterator[Path]:
    """Yields a temporary folder for several files, and moves them into a folder when the block ends without an error.

    Files of the same names are removed before the first is moved: an interruption leaves some files out, and never
    leaves new files beside old ones. Other files of the folder are kept.

    Args:
        folder: Destination. It and missing parent folders are created.
        names: Names of the files.

    Yields:
        The temporary folder.

    Raises:
        InputError: The destination cannot be written.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with atomic_outputs(folder, ["a.txt", "b.txt"]) as part:
        ...     for name in ("a.txt", "b.txt"):
        ...         _ = (part / name).write_text("complete")
        >>> sorted(file.name for file in folder.iterdir())
        ['a.txt', 'b.txt']
    """
    folder = Path(folder)
    with _os_errors_as_input_errors(folder):
        new_folders = [parent for parent in (folder, *folder.parents) if not parent.exists()]
        part = folder / f".{uuid.uuid4().hex[:8]}.part"
        part.mkdir(parents=True)
    try:
        yield part
        with _os_errors_as_input_errors(folder):
            for name in names:
                (folder / name).unlink(missing_ok=True)
            for name in names:
                (part / name).replace(folder / name)
    finally:
        shutil.rmtree(part, ignore_errors=True)
        for parent in new_folders:
            with suppress(OSError):
                parent.rmdir()


def _move_into_place(folder: Path, path: Path) -> None:
    """Moves the output; companions first, so that the file that names them never appears without them."""
    if path.is_dir() and (folder / path.name).is_dir():
        path.rmdir()
    for part in sorted(folder.iterdir(), key=lambda part: part.name == path.name):
        part.replace(path.parent / part.name)


@contextmanager
def _os_errors_as_input_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        got = f"a path that cannot be written ({error.strerror})"
        raise InputError(mismatch(path, got=got, expected="a path in a writable folder")) from error
