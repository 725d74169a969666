"""Describes in words the values that a type of the config allows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen, MultipleOf
from pydantic.fields import FieldInfo

from segtopo.config.section import Expected, Section

#: In the singular and in the plural.
NOUNS: dict[Any, tuple[str, str]] = {
    int: ("an integer", "integers"),
    float: ("a number", "numbers"),
    bool: ("true or false", "true or false"),
    str: ("a string", "strings"),
    Path: ("a path", "paths"),
    Section: ("a mapping", "mappings"),
    NoneType: ("null", "null"),
}
#: The value of a limit, and how it is said.
LIMITS: dict[type[Any], tuple[str, str]] = {
    Ge: ("ge", "of at least"),
    Gt: ("gt", "greater than"),
    Le: ("le", "at most"),
    Lt: ("lt", "less than"),
    MultipleOf: ("multiple_of", "divisible by"),
}


def describe(annotation: Any, plural: bool = False) -> str:
    """Describes the values of a type.

    Args:
        annotation: The type of a key of a config, with its limits.
        plural: Describe several values.

    Example:
        >>> from segtopo.config.section import PositiveInt, Probability
        >>> describe(Probability)
        'a number from 0 to 1'
        >>> describe(PositiveInt | Annotated[tuple[PositiveInt, ...], MinLen(2)] | None)
        'an integer from 1 to 1000000 or a list of at least 2 integers from 1 to 1000000 or null'
    """
    options = alternatives(annotation)
    if len(options) > 1:
        return " or ".join(dict.fromkeys(describe(option, plural) for option in options))
    base, limits = unwrap(options[0])
    phrases = [limit.phrase for limit in limits if isinstance(limit, Expected)]
    if phrases:
        return phrases[-1]
    if get_origin(base) is Literal:
        return f"one of {', '.join(map(repr, get_args(base)))}"
    if get_origin(base) is tuple:
        return _list(get_args(base), limits, plural)
    if isinstance(base, type) and issubclass(base, Section):
        base = Section
    return NOUNS.get(base, ("another value", "other values"))[plural] + _limits(limits)


def alternatives(annotation: Any) -> list[Any]:
    """Lists the types of a union. Another type is its only alternative."""
    base, metadata = _split(annotation)
    if get_origin(base) not in (Union, UnionType):
        return [annotation]
    members = [annotate(member, metadata) for member in get_args(base)]
    return [option for member in members for option in alternatives(member)]


def annotate(kind: Any, metadata: Sequence[Any]) -> Any:
    """Attaches the limits of a union or of a field to a type."""
    for item in metadata:
        kind = Annotated[kind, item]
    return kind


def unwrap(annotation: Any) -> tuple[Any, list[Any]]:
    """Returns a type and its limits, those inside a ``Field`` included."""
    base, metadata = _split(annotation)
    return base, [one for item in metadata for one in (item.metadata if isinstance(item, FieldInfo) else [item])]


def _split(annotation: Any) -> tuple[Any, list[Any]]:
    if get_origin(annotation) is not Annotated:
        return annotation, []
    base, *metadata = get_args(annotation)
    return base, metadata


def _list(types: tuple[Any, ...], limits: list[Any], plural: bool) -> str:
    """Describes the number and the type of the items of a list."""
    noun = "lists" if plural else "a list"
    if types[-1] is not Ellipsis:
        return f"{noun} of {len(types)} {describe(types[0], plural=True) if len(set(types)) == 1 else 'values'}"
    least = next((limit.min_length for limit in limits if isinstance(limit, MinLen)), 0)
    most = next((limit.max_length for limit in limits if isinstance(limit, MaxLen)), None)
    number = ""
    if most is not None:
        number = f"{least} to {most} "
    elif least == 1:
        noun = "non-empty lists" if plural else "a non-empty list"
    elif least:
        number = f"at least {least} "
    return f"{noun} of {number}{describe(types[0], plural=True)}"


def _limits(limits: list[Any]) -> str:
    """Describes the limits of a number."""
    values = {type(limit): getattr(limit, LIMITS[type(limit)][0]) for limit in limits if type(limit) in LIMITS}
    words = []
    if Ge in values and Le in values:
        words.append(f"from {values.pop(Ge)} to {values.pop(Le)}")
    words += [f"{LIMITS[kind][1]} {value}" for kind, value in values.items()]
    return f" {' and '.join(words)}" if words else ""
