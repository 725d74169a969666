"""YAML as plain data: strings, numbers, booleans, null, lists and mappings, and nothing else."""

from __future__ import annotations

import re
from typing import Any

import yaml

from segtopo.errors import InputError


class _PlainLoader(yaml.SafeLoader):
    """The safe loader, without repeated keys (the last would win) and without aliases (they can grow without bound)."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.constructor.ConstructorError(None, None, "aliases are not supported", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                problem = f"received the key {key!r}, expected a name"
            elif key in seen:
                problem = f"the key {key!r} is given twice"
            else:
                seen.add(key)
                continue
            raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
        return super().construct_mapping(node, deep)


# YAML 1.1 reads 1e-3 as a string and 2026-01-01 as a date; here the one is a number and the other a string.
_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_PlainLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(?:\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


def read_yaml(text: str, source: str) -> Any:
    """The data in ``text``.

    Args:
        text: A YAML document.
        source: What the text is, for the error message.

    Returns:
        Strings, numbers, booleans, ``None``, lists and dictionaries with string keys.

    Raises:
        InputError: The text is no YAML, or holds more than data (``!!python/object``, aliases, repeated keys).

    Example:
        >>> read_yaml("{lr: 1e-3, patch_size: [64, 48]}", "an example")
        {'lr': 0.001, 'patch_size': [64, 48]}
    """
    try:
        return yaml.load(text, Loader=_PlainLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise InputError(f"{source}{where}: {_problem(error)}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{source}: not readable as YAML: {str(error).splitlines()[0]}") from None


def _problem(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "not valid YAML"
    if problem.startswith("could not determine a constructor for the tag"):
        tag = problem.split("'")[1]
        return f"received the tag {tag!r}, expected plain data: a config is never code"
    return problem
