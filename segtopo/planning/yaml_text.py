"""Writes keys and values of a config with their reasons as comments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from segtopo.planning.choices import Choice

LONGEST_LINE = 120


def flow(value: Any) -> str:
    """Writes a value on one line.

    Example:
        >>> flow({"name": "Range", "range": [-100.0, 240.5]})
        '{name: Range, range: [-100.0, 240.5]}'
    """
    text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=float("inf"), allow_unicode=True)
    return text.removesuffix("...\n").strip()


def entry(key: str, choice: Choice, indent: int = 0) -> list[str]:
    """Writes a key, its value and the reason: behind it, or above it if the line would be long."""
    space, reason = " " * indent, f"# {choice.reason}" if choice.reason else ""
    line = f"{space}{key} {flow(choice.value)}"
    if not reason:
        return [line]
    return [f"{line}  {reason}"] if len(line) + len(reason) + 2 <= LONGEST_LINE else [f"{space}{reason}", line]


def entries(choices: Iterable[tuple[str, Choice | None]], indent: int = 0) -> list[str]:
    """Writes keys that have a value."""
    return [line for key, choice in choices if choice is not None for line in entry(f"{key}:", choice, indent)]


def comment(lines: Iterable[str]) -> list[str]:
    """Writes lines as comments."""
    return [f"# {line}" for line in lines]
