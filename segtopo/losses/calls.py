"""How a loss is called: warnings at the caller's line, and NumPy code that torch.compile leaves alone."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import torch

P = ParamSpec("P")
R = TypeVar("R")

_LIBRARIES = tuple(str(Path(file).parent) for file in (__file__, torch.__file__))


def not_compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Keeps :func:`torch.compile` out of a function that works in NumPy: compiled, it can give another result."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if "torch._dynamo" not in sys.modules:  # nothing is compiled, and loading the compiler takes half a second
            return function(*args, **kwargs)
        disabled: Callable[P, R] = torch.compiler.disable(function)  # type: ignore[no-untyped-call]
        return disabled(*args, **kwargs)

    return call


@not_compiled
def warn_caller(message: str) -> None:
    """Warns at the line that called the loss, outside of this package and torch."""
    frame: Any = sys._getframe()
    level = 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_LIBRARIES):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level)
