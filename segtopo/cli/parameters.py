"""Arguments and options that several commands share."""

from __future__ import annotations

import os.path
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeAlias

import typer

from segtopo.errors import InputError, mismatch

Construction: TypeAlias = Literal["T", "V"]

ConstructionOption = Annotated[
    Construction,
    typer.Option(help="T: foreground of full connectivity (8, 26); V: of face connectivity (4, 6)."),
]
BettiNumbersOption = Annotated[
    str | None,
    typer.Option(
        help="Largest numbers of components, loops and (3D) cavities, for instance 1,none,0 [default: no limits].",
        metavar="NUMBERS",
    ),
]
NoiseOption = Annotated[
    float, typer.Option(help="Standard deviation of the noise; thick vessels have a contrast of 0.35.")
]
SeedOption = Annotated[int, typer.Option(help="Seed of all random numbers.")]


def existing(expected: str) -> Callable[[Any], Any]:
    """Makes the callback of a path parameter, which refuses a path that does not exist.

    The callback runs while the command line is parsed, long before a heavy import.

    Args:
        expected: A phrase that describes the file or folder.

    Returns:
        A function that takes a path, None or a list of paths and returns it unchanged. It raises InputError.
    """

    def check(value: Any) -> Any:
        for path in value if isinstance(value, list) else [value]:
            if path is not None and not os.path.exists(path):
                raise InputError(mismatch(path, got="no such file or folder", expected=expected))
        return value

    return check


def integers(option: str, text: str | None) -> tuple[int, ...] | None:
    """Reads whole numbers that are separated by commas; an option that is not given remains None.

    Raises:
        InputError: The text is something else.

    Example:
        >>> integers("--shape", "128,160")
        (128, 160)
    """
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(mismatch(option, got=repr(text), expected="whole numbers separated by commas")) from None


def numbers(option: str, text: str) -> tuple[float, ...]:
    """Reads numbers that are separated by commas.

    Raises:
        InputError: The text is something else.

    Example:
        >>> numbers("--thresholds", "0.3,0.5")
        (0.3, 0.5)
    """
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise InputError(mismatch(option, got=repr(text), expected="numbers separated by commas")) from None


def numbers_or_none(option: str, text: str, number: type[int | float], most: int) -> tuple[Any, ...]:
    """Reads numbers that are separated by commas, where each may be the word ``none``.

    Args:
        option: Name of the option.
        text: Its value.
        number: ``int`` or ``float``.
        most: The largest number of numbers.

    Raises:
        InputError: The text is something else.

    Example:
        >>> numbers_or_none("--betti-numbers", "1,none,0", int, most=3)
        (1, None, 0)
    """
    try:
        numbers = tuple(None if part.strip() == "none" else number(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if not 1 <= len(numbers) <= most:
        expected = "a number or none" if most == 1 else f"at most {most} whole numbers or none, separated by commas"
        raise InputError(mismatch(option, got=repr(text), expected=expected))
    return numbers
