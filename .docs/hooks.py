"""MkDocs hooks: formulas as MathML, so that they need no script; and the help of every command on one page."""

from __future__ import annotations

import html
import re
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert

FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', flags=re.DOTALL)
COMMANDS_MARK = "<!-- commands -->"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replaces the mark on the page of commands."""
    return markdown.replace(COMMANDS_MARK, _commands()) if COMMANDS_MARK in markdown else markdown


def on_page_content(content: str, **_: Any) -> str:
    """Replaces formulas in LaTeX by MathML, which browsers draw themselves."""
    return FORMULA.sub(_mathml, content)


def _mathml(formula: re.Match[str]) -> str:
    tag, bracket, latex = formula.groups()
    display = "block" if bracket == "[" else "inline"
    return f'<{tag} class="formula">{convert(html.unescape(latex).strip(), display=display)}</{tag}>'


def _commands() -> str:
    """Returns a section with the help of each command, as the terminal prints it."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from segtopo.cli.app import COMMANDS

    return "\n\n".join(f"## segtopo {name}\n\n```text\n{_help(name)}\n```" for name in COMMANDS)


def _help(command: str) -> str:
    from segtopo.cli import run

    with redirect_stdout(StringIO()) as printed:
        run([command, "--help"])
    return printed.getvalue().strip()
