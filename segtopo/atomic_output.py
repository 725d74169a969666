"""Output that appears complete or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from segtopo.errors import InputError, OutputError, mismatch
from segtopo.part_folders import part_folder

NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO})

PROBE_BYTES = 1 << 16


@contextmanager
def atomic_output(path: str | Path) -> Iterator[Path]:
    """Yields a temporary path to write to, and moves the output to ``path`` when the block ends without an error.

    The block writes a file, a file with companions (an ``.mhd`` file with its ``.raw`` file) or a folder. The temporary
    path is in a hidden folder beside ``path``, because a move within one file system is atomic. It has the same file
    name, because writers choose the format by the extension.

    After an error the destination is unchanged, and the temporary folder and new parent folders are removed. A process
    that is killed leaves its temporary folder; the next output of that name removes it.

    Args:
        path: Destination. Missing parent folders are created. An existing file is replaced; an existing folder is
            replaced only if it is empty.

    Yields:
        The temporary path.

    Raises:
        InputError: The destination is a folder that is not empty.
        OutputError: The destination cannot be written, or the disk is full.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "new" / "note.txt"
        >>> with atomic_output(path) as part:
        ...     _ = part.write_text("complete")
        >>> path.read_text(), [file.name for file in path.parent.iterdir()]
        ('complete', ['note.txt'])
    """
    path = Path(path)
    with output_errors(path):
        if path.is_dir() and any(path.iterdir()):
            raise InputError(mismatch(path, got="a folder that is not empty", expected="a new or empty folder"))
    with ExitStack() as stack:
        with output_errors(path):
            folder = stack.enter_context(part_folder(path.parent, path.name))
        with _writing(path, folder, path.parent):
            yield folder / path.name
        with output_errors(path):
            _move_into_place(folder, path)


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
        OutputError: The destination cannot be written, or the disk is full.

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
    with ExitStack() as stack:
        with output_errors(folder):
            part = stack.enter_context(part_folder(folder, "outputs"))
        with _writing(folder, part, folder):
            yield part
        with output_errors(folder):
            for name in names:
                (folder / name).unlink(missing_ok=True)
            for name in names:
                (part / name).replace(folder / name)


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Turns the errors of the operating system, in a block that only writes, into one line.

    Args:
        path: The output, which is named.

    Raises:
        OutputError: The block raised an OSError.
    """
    try:
        yield
    except OSError as error:
        raise _output_error(path, error) from error


@contextmanager
def _writing(path: Path, part: Path, final: Path) -> Iterator[None]:
    """Turns the errors of a full disk and of a read-only folder into one line that names the file.

    Args:
        path: The output, which is named if the error names no file.
        part: The folder that the block writes to.
        final: The folder to which its content belongs: a file in ``part`` is named as a file in ``final``.

    Raises:
        OutputError: The disk is full, or the folder cannot be written.
    """
    try:
        yield
    except OutputError as error:  # of an output inside of the part
        raise OutputError(str(error).replace(str(part), str(final))) from error
    except OSError as error:
        file = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else None
        is_ours = file is not None and part in file.parents
        if error.errno not in NO_SPACE and not (error.errno in READ_ONLY and is_ours):
            raise
        named = final / file.relative_to(part) if file is not None and is_ours else file or path
        raise _output_error(named, error) from error
    except InputError:
        raise
    except Exception as error:
        # Some libraries report a full disk by errors of other types.
        problem = _probe(part)
        if problem is None:
            raise
        raise _output_error(path, problem) from error


def _probe(folder: Path) -> OSError | None:
    """Returns the error of a small file in a folder, if it cannot be written."""
    try:
        with (folder / "probe").open("wb") as file:
            file.write(bytes(PROBE_BYTES))
    except OSError as error:
        return error
    return None


def _output_error(path: Path, error: OSError) -> OutputError:
    reason, expected = error.strerror or str(error), "a path in a writable folder"
    if error.errno in NO_SPACE:
        reason, expected = f"{reason}, {_free_space(path)} free", "enough space for it"
    return OutputError(mismatch(path, got=f"a path that cannot be written ({reason})", expected=expected))


def _free_space(path: Path) -> str:
    """Returns the free space of the disk of a path, in MB."""
    nearest = next(folder for folder in path.absolute().parents if folder.exists())
    return f"{shutil.disk_usage(nearest).free / 1e6:.1f} MB"


def _move_into_place(folder: Path, path: Path) -> None:
    """Moves the output; companions first, so that the file that names them never appears without them."""
    if path.is_dir() and (folder / path.name).is_dir():
        path.rmdir()
    for part in sorted(folder.iterdir(), key=lambda part: part.name == path.name):
        part.replace(path.parent / part.name)
