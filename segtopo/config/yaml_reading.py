"""Reads YAML as plain data: strings, numbers, booleans, null, lists and mappings."""

from __future__ import annotations

import re
from typing import Any

import yaml

from segtopo.errors import InputError, mismatch

#: More levels than any config has, few enough for every reader of nested data.
DEEPEST = 50


class _PlainLoader(yaml.SafeLoader):
    """The safe loader with fewer types.

    It refuses repeated keys, of which the last would win, and aliases, with which a short text can grow without bound.
    """

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise self._error("an alias", "plain data", self.peek_event())  # type: ignore[no-untyped-call]
        if self.depth > DEEPEST:
            raise self._error("more levels", f"at most {DEEPEST}", self.peek_event())  # type: ignore[no-untyped-call]
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise self._error(f"the key {key!r}", "a name", key_node)
            if key in seen:
                raise self._error(f"the key {key!r} twice", "each key once", key_node)
            seen.add(key)
        return super().construct_mapping(node, deep)

    def construct_int(self, node: Any) -> int:
        try:
            value = super().construct_yaml_int(node)
            str(value)  # Python refuses to write very long integers
        except ValueError:
            raise self._error("an integer that is too long, or none", "a shorter integer", node) from None
        return value

    def construct_text(self, node: Any) -> str:
        text = str(self.construct_scalar(node))
        if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            raise self._error(repr(text), "Unicode text", node)
        return text

    def construct_foreign(self, node: Any) -> None:
        raise self._error(f"the tag {node.tag!r}", "plain data: a config is never code", node)

    @staticmethod
    def _error(got: str, expected: str, where: Any) -> yaml.constructor.ConstructorError:
        return yaml.constructor.ConstructorError(None, None, f"got {got}, expected {expected}", where.start_mark)


TAGS = "tag:yaml.org,2002:"
_PlainLoader.yaml_constructors = {
    f"{TAGS}{kind}": yaml.SafeLoader.yaml_constructors[f"{TAGS}{kind}"]
    for kind in ("null", "bool", "float", "seq", "map")
}
_PlainLoader.add_constructor(f"{TAGS}int", _PlainLoader.construct_int)
_PlainLoader.add_constructor(f"{TAGS}str", _PlainLoader.construct_text)
_PlainLoader.add_constructor(None, _PlainLoader.construct_foreign)

# YAML 1.1 reads 1e-3 as a string and 2026-01-01 as a date, and has meanings of its own for the words = and <<. Here
# the first is a number, the others are strings.
_PlainLoader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag.removeprefix(TAGS) in ("null", "bool", "int", "float", "seq", "map", "str")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_PlainLoader.add_implicit_resolver(
    f"{TAGS}float", re.compile(r"^[-+]?(?:\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


def read_yaml(text: str, source: str) -> Any:
    """Reads a YAML document.

    Args:
        text: The document.
        source: Its name in error messages.

    Returns:
        Strings, numbers, booleans, ``None``, lists and dictionaries with string keys.

    Raises:
        InputError: The text is no YAML, or holds more than plain data (``!!python/object``, aliases, repeated keys).

    Example:
        >>> read_yaml("{lr: 1e-3, patch_size: [64, 48]}", "an example")
        {'lr': 0.001, 'patch_size': [64, 48]}
    """
    try:
        return yaml.load(text, Loader=_PlainLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = error.problem or "not valid YAML"
        if not problem.startswith("got "):
            problem = f"not readable as YAML: {problem}"
        raise InputError(f"{source}{where}: {problem}") from None
    except yaml.reader.ReaderError as error:
        raise InputError(mismatch(source, got=f"the character {chr(error.character)!r}", expected="YAML")) from None
    except (yaml.YAMLError, ValueError, KeyError):  # !!bool and !!float before other words
        raise InputError(mismatch(source, got="a tag with a value of another type", expected="plain data")) from None
