"""Describes errors of a config in one sentence: the key, its value and the values allowed.

Pydantic finds the errors, but its messages are not used. The type of a key tells which values are allowed.
"""

from __future__ import annotations

import re
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
    """An error: the keys that lead to it, and the subject, value and expected values of its message."""

    keys: Keys
    subject: str
    got: str
    expected: str


def error_message(errors: Sequence[ErrorDetails], schema: type[Section], source: str, overrides: Sequence[str]) -> str:
    """Describes the most important error of a config in one line.

    Args:
        errors: The errors of one validation.
        schema: The section that was validated.
        source: The name of the config.
        overrides: The overrides of the config. The message names the one that set the wrong value.
    """
    error = _most_telling(errors, schema)
    keys, subject, got, expected = PROBLEMS.get(error["type"], _wrong_value)(error, schema)
    blamed = [text for text in overrides if _concerns(text.partition("=")[0], ".".join(map(str, keys)))]
    where = f"{source}, override {show(blamed[-1])}" if blamed else source
    return mismatch(f"{where}: {subject}" if subject else where, got=got, expected=expected)


def _concerns(override: str, key: str) -> bool:
    """Returns whether an override sets a key, a section around it or a value in it."""
    return bool(key) and (f"{key}.".startswith(f"{override}.") or f"{override}.".startswith(f"{key}."))


def show(value: Any) -> str:
    """Writes a value in at most 60 characters."""
    names = {None: "null", True: "true", False: "false"}
    text = names[value] if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def dotted_path(keys: Keys) -> str:
    """Writes keys as a path.

    Example:
        >>> dotted_path(("transforms", 0, "prob"))
        'transforms[0].prob'
        >>> dotted_path(("data", "regions", "whole tumor"))
        "data.regions['whole tumor']"
    """
    plain = (isinstance(key, str) and re.fullmatch(r"\w+", key) for key in keys)
    return "".join(f".{key}" if is_word else f"[{key!r}]" for key, is_word in zip(keys, plain, strict=True)).lstrip(".")


def _most_telling(errors: Sequence[ErrorDetails], schema: type[Section]) -> ErrorDetails:
    """Chooses the first unknown key, or else the first wrong value.

    An unknown key is often the misspelt name of a key that is then missing. A value with several allowed types has an
    error for each of them; an error inside the value is more precise than an error of the whole value.
    """
    unknown = [error for error in errors if error["type"] == "extra_forbidden"]
    if unknown:
        return unknown[0]
    keys = [_locate(error["loc"], schema).keys for error in errors]
    same = [index for index in range(len(errors)) if keys[index][: len(keys[0])] == keys[0]]
    return errors[max(same, key=lambda index: len(keys[index]))]


def _locate(location: Sequence[str | int], schema: type[Section]) -> Place:
    """Finds the place of a location of pydantic's, which has names of sections and labels of types between the keys."""
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
        elif values := [get_args(base)[1] for base in map(_base, place.types) if get_origin(base) is dict]:
            place = Place((*place.keys, step), [option for kind in values for option in alternatives(kind)])
    return place


def _base(kind: Any) -> Any:
    return unwrap(kind)[0]


def _item(types: tuple[Any, ...], index: int) -> Any:
    return types[0] if types[-1] is Ellipsis else types[min(index, len(types) - 1)]


def _names(section: type[Section]) -> tuple[Any, ...]:
    """Returns the values of the key ``name`` by which a config chooses a section."""
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
    """Describes a value that a function of ours refused: the check of a section names the key, that of a value none."""
    text = str(error["ctx"]["error"])
    key, separator, rest = text.partition(": got ")
    if not separator:
        problem = _wrong_value(error, schema)
        return problem._replace(expected=text) if text else problem
    place = _locate(error["loc"], schema)
    subject = f"{dotted_path(place.keys)}.{key}".lstrip(".")
    value, _, expected = rest.partition(", expected ")
    keys: Keys = tuple(subject.replace("[", ".").replace("]", "").split("."))
    return Problem(keys, subject, value, expected)


def _no_text(error: ErrorDetails, schema: type[Section]) -> Problem:
    return Problem((), "", "data that are no Unicode text or nested too deeply", describe(schema))


#: By pydantic's name of the type of error. All other types are wrong values.
PROBLEMS: dict[str, Callable[[ErrorDetails, type[Section]], Problem]] = {
    "missing": _missing,
    "extra_forbidden": _unknown_key,
    "union_tag_not_found": _unknown_name,
    "union_tag_invalid": _unknown_name,
    "value_error": _refused_by_check,
    "json_invalid": _no_text,
}
