"""Templates of HTML pages, and numbers as they are written in them."""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).parent / "templates"
DASH, MINUS = "\u2013", "\u2212"


def render(template: str, **values: object) -> str:
    """Fills a template; every value is escaped.

    Args:
        template: File name of the template.
        values: Values by their names in the template.
    """
    return _environment().get_template(template).render(**values)


def number(value: float | None, decimals: int = 3, signed: bool = False) -> str:
    """Writes a number with a fixed number of decimals; a dash if there is none.

    Example:
        >>> number(0.12345), number(-1.5, 1), number(2, 0, signed=True), number(float("nan"))
        ('0.123', '−1.5', '+2', '–')
    """
    if value is None or not math.isfinite(value):
        return DASH
    text = f"{value:+.{decimals}f}" if signed else f"{value:.{decimals}f}"
    if not float(text):
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


def p_value(value: float) -> str:
    """Writes a p-value.

    Example:
        >>> p_value(0.0312), p_value(0.00001), p_value(float("nan"))
        ('0.031', '< 0.001', '–')
    """
    return "< 0.001" if value < 0.001 else number(value)


def embedded_json(value: object) -> str:
    r"""Writes JSON that cannot end the script element that holds it; numbers that are not finite become null.

    Example:
        >>> embedded_json({"name": "</script>", "score": float("nan")})
        '{"name":"\\u003c/script>","score":null}'
    """
    text = json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def _finite(value: Any) -> Any:
    """Replaces numbers that are not finite by None."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": number,
        "p_value": p_value,
        "json": lambda value: Markup(embedded_json(value)),
    }
    environment.globals["file"] = lambda name: Markup((FOLDER / name).read_text(encoding="utf-8"))
    return environment
