"""Griffe extension: turns the Sphinx roles of docstrings into Markdown that mkdocstrings understands.

``:class:`~segtopo.losses.TopoLoss``` becomes a link to that object if a page documents it, and plain code otherwise.
``:math:`x``` and ``.. math::`` become ``$x$`` and ``$$x$$``. ``Example:`` and ``Reference:`` become the plural names of
Google's sections, which griffe knows.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

ROLE = re.compile(r":(?P<role>attr|class|data|exc|func|meth|mod):`(?P<short>~?)(?P<target>[\w.]+)`")
INLINE_MATH = re.compile(r":math:`([^`]+)`")
DISPLAY_MATH = re.compile(r"^\.\. math:: *(.+(?:\n +.+)*)", flags=re.MULTILINE)
SINGULAR_SECTION = re.compile(r"^(Example|Reference):$", flags=re.MULTILINE)


class SphinxRoles(griffe.Extension):
    """Rewrites the docstring of every object."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrites one docstring. The scope of the object resolves short names."""
        if obj.docstring:
            text = ROLE.sub(lambda role: _link(role, obj), obj.docstring.value)
            text = INLINE_MATH.sub(r"$\1$", text)
            text = DISPLAY_MATH.sub(lambda math: "$$\n" + re.sub(r"\n +", "\n", math[1]) + "\n$$", text)
            obj.docstring.value = SINGULAR_SECTION.sub(r"\1s:", text)


def _link(role: re.Match[str], obj: griffe.Object) -> str:
    """Returns an optional cross reference: autorefs drops the link if no page documents the target."""
    target = role["target"]
    title = target.rpartition(".")[2] if role["short"] else target
    return f'<autoref optional identifier="{_path(target, obj)}"><code>{title}</code></autoref>'


def _path(target: str, obj: griffe.Object) -> str:
    """Returns the full path of a name as seen from the object: its members first, then the scopes around it."""
    if target.startswith("segtopo."):
        return target
    first, _, rest = target.partition(".")
    if first in obj.members:
        path = f"{obj.path}.{first}"
    else:
        try:
            path = obj.resolve(first)
        except griffe.NameResolutionError:
            path = first
    return f"{path}.{rest}" if rest else path
