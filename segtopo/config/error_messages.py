"""Turns the errors of pydantic into one sentence: where in the config, the value it got and the values it expected.

No word of pydantic's is used: the expected values are described from the type of the key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple, get_args, get_origin

from pydantic_core import ErrorDetails

from segtopo.config.expectations import alternatives, annotate, describe, unwrap
from segtopo.config.section import Section
from segtopo.errors import mismatch

Keys = tuple[str | int, ...]


class Place(NamedTuple):
    """A place in a config: the keys that lead to it and the types allowed there."""

    keys: Keys
    types: list[Any]

    @property
    def sections(self) -> list[type[Section]]:
        """The sections among the types."""
        bases = (unwrap(option)[0] for option in self.types)
        return [base for base in bases if isinstance(base, type) and issubclass(base, Section)]

    @property
    def expected(self) -> str:
        """Describes the values allowed."""
        return " or ".join(dict.fromkeys(map(describe, self.types)))


class Problem(NamedTuple):
    """A mistake in a config: the key blamed, the subject that is named, the value and the values expected."""

    keys: Keys
    subject: str
    got: str
    expected: str


def error_message(errors: Sequence[ErrorDetails], schema: type[Section], source: str, overrides: Sequence[str]) -> str:
    """Says in one line what is wrong in a config.

    Args:
        errors: The errors of one validation.
        schema: The section that was validated.
        source: The name of the config.
        overrides: The overrides of the config; the one that set the wrong value is named.
    """
    error = _most_telling(errors, schema)
    keys, subject, got, expected = PROBLEMS.get(error["type"], _wrong_value)(error, schema)
    blamed = [text for text in overrides if _concerns(text.partition("=")[0], ".".join(map(str, keys)))]
    where = f"{source}, override {show(blamed[-1])}" if blamed else source
    return mismatch(f"{where}: {subject}" if subject else where, got=got, expected=expected)


def _concerns(override: str, key: str) -> bool:
    """Whether one of two keys lies in the section of the other, or is the other."""
    return bool(key) and (f"{key}.".startswith(f"{override}.") or f"{override}.".startswith(f"{key}."))


def show(value: Any) -> str:
    """Shows a value of YAML in at most 60 characters."""
    names = {None: "null", True: "true", False: "false"}
    text = names[value] if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def dotted_path(keys: Keys) -> str:
    """Writes keys as a path.

    Example:
        >>> dotted_path(("transforms", 0, "prob"))
        'transforms[0].prob'
    """
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).lstrip(".")


def _most_telling(errors: Sequence[ErrorDetails], schema: type[Section]) -> ErrorDetails:
    """Chooses an unknown key, which may be the misspelt name of a missing one; else the first wrong value.

    A value of several allowed types has an error for each of them. Errors inside the value are more precise than
    errors about the whole.
    """
    unknown = [error for error in errors if error["type"] == "extra_forbidden"]
    if unknown:
        return unknown[0]
    first = _locate(errors[0]["loc"], schema).keys
    places = [(_locate(error["loc"], schema).keys, error) for error in errors]
    return max(((keys, error) for keys, error in places if keys[: len(first)] == first), key=lambda pair: len(pair[0]))[
        1
    ]


def _locate(location: Sequence[str | int], schema: type[Section]) -> Place:
    """Follows a location of pydantic's, in which names of sections and labels of types stand between the keys."""
    place = Place((), [schema])
    for step in location:
        if isinstance(step, int):
            lists = [unwrap(option)[0] for option in place.types]
            items = [_item(get_args(base), step) for base in lists if get_origin(base) is tuple]
            place = Place((*place.keys, step), [option for item in items for option in alternatives(item)])
        elif named := [section for section in place.sections if step in _names(section)]:
            place = Place(place.keys, list(named))
        elif fields := [section.model_fields[step] for section in place.sections if step in section.model_fields]:
            types = [annotate(field.annotation, field.metadata) for field in fields]
            place = Place((*place.keys, step), [option for kind in types for option in alternatives(kind)])
    return place


def _item(types: tuple[Any, ...], index: int) -> Any:
    return types[0] if types[-1] is Ellipsis else types[min(index, len(types) - 1)]


def _names(section: type[Section]) -> tuple[Any, ...]:
    """The names by which a config chooses this section."""
    return get_args(section.model_fields["name"].annotation) if "name" in section.model_fields else ()


def _wrong_value(error: ErrorDetails, schema: type[Section]) -> Problem:
    place = _locate(error["loc"], schema)
    return Problem(place.keys, dotted_path(place.keys), show(error["input"]), place.expected)


def _missing(error: ErrorDetails, schema: type[Section]) -> Problem:
    return _wrong_value(error, schema)._replace(got="no value")


def _unknown_key(error: ErrorDetails, schema: type[Section]) -> Problem:
    *location, key = error["loc"]
    place = _locate(location, schema)
    allowed = list(dict.fromkeys(name for section in place.sections for name in section.model_fields))
    nearest = get_close_matches(str(key), allowed, n=1, cutoff=0.75)
    expected = nearest[0] if nearest else f"one of {', '.join(allowed)}"
    return Problem((*place.keys, key), dotted_path(place.keys), f"unknown key {show(key)}", expected)


def _unknown_name(error: ErrorDetails, schema: type[Section]) -> Problem:
    place = _locate(error["loc"], schema)
    keys = (*place.keys, "name")
    names = ", ".join(repr(name) for section in place.sections for name in _names(section))
    got = show(error["input"]["name"]) if "name" in error["input"] else "no value"
    return Problem(keys, dotted_path(keys), got, f"one of {names}")


def _refused_by_check(error: ErrorDetails, schema: type[Section]) -> Problem:
    """A check of a whole section says itself which of its keys is wrong; the check of one value does not."""
    text = str(error["ctx"]["error"])
    key, got, rest = text.partition(": got ")
    if not got:
        return _wrong_value(error, schema)
    place = _locate(error["loc"], schema)
    subject = f"{dotted_path(place.keys)}.{key}".lstrip(".")
    value, _, expected = rest.partition(", expected ")
    keys = tuple(subject.replace("[", ".").replace("]", "").split("."))
    return Problem(keys, subject, value, expected)


def _no_text(error: ErrorDetails, schema: type[Section]) -> Problem:
    return Problem((), "", "data that are no Unicode text or nested too deeply", describe(schema))


#: How to describe an error, by pydantic's name of its type; all others are wrong values.
PROBLEMS: dict[str, Callable[[ErrorDetails, type[Section]], Problem]] = {
    "missing": _missing,
    "extra_forbidden": _unknown_key,
    "union_tag_not_found": _unknown_name,
    "union_tag_invalid": _unknown_name,
    "value_error": _refused_by_check,
    "json_invalid": _no_text,
}
