"""Errors of the libraries that parse files, as one line with the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from segtopo.errors import InputError, mismatch


@contextmanager
def errors_in_one_line(path: Path, expected: str) -> Iterator[None]:
    """Turns each exception of a reader into an InputError that names the file.

    Damaged bytes lead to exceptions of every kind in the libraries that parse them, so all kinds are meant. Only a
    library that is not installed is no fault of the file.

    Args:
        path: The file.
        expected: A phrase for an intact file.
    """
    try:
        with np.errstate(all="ignore"):  # NumPy would print a warning about the numbers of a damaged header
            yield
    except (InputError, ModuleNotFoundError):
        raise
    except MemoryError as error:
        got = "an image larger than the memory"
        raise InputError(mismatch(path, got=got, expected="an image that fits the memory")) from error
    except Exception as error:
        lines = str(error).split("\n")
        got = f"truncated or damaged data ({lines[0].strip() or type(error).__name__})"
        raise InputError(mismatch(path, got=got, expected=expected)) from error
