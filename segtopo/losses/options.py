"""Options of losses: their types declare their bounds, for Python calls and for configs alike.

A loss is a dataclass whose fields are its options. ``Annotated[float, Ge(0)]`` says that a number is at least 0. The
constructor checks it with :func:`check_option`, and :mod:`segtopo.config.losses` derives the section of a config
from the same declaration.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

import torch
from annotated_types import Ge, Gt, Le, Lt, MinLen
from typing_extensions import is_typeddict

from segtopo.errors import InputError, mismatch

NonNegative: TypeAlias = Annotated[float, Ge(0)]
Positive: TypeAlias = Annotated[float, Gt(0)]
AtLeastOne: TypeAlias = Annotated[float, Ge(1)]
Probability: TypeAlias = Annotated[float, Ge(0), Le(1)]
BelowOne: TypeAlias = Annotated[float, Ge(0), Lt(1)]
Count: TypeAlias = Annotated[int, Ge(0), Le(1_000_000)]
Extent: TypeAlias = Annotated[int, Ge(1), Le(1_000_000)]
Dimension: TypeAlias = Annotated[int, Ge(0), Le(2)]
Steps: TypeAlias = Annotated[int, Ge(0), Le(1000)]
Threads: TypeAlias = Annotated[int, Ge(1), Le(1024)]

Activation: TypeAlias = Callable[[torch.Tensor], torch.Tensor]
Reduction: TypeAlias = Literal["mean", "sum", "none"]
ClassWeight: TypeAlias = Sequence[NonNegative] | NonNegative | torch.Tensor | None

Arguments: TypeAlias = tuple[Any, ...]


def check_option(name: str, value: object, annotation: Any) -> None:
    """Checks a value against the type and the bounds that an annotation declares.

    Raises:
        TypeError: The value has another type.
        InputError: The value is out of its bounds.

    Example:
        >>> check_option("smooth", 1.0, Positive)
        >>> check_option("smooth", -1.0, Positive)
        Traceback (most recent call last):
        segtopo.errors.InputError: smooth: got -1.0, expected a number > 0
    """
    if not fits(value, annotation, bounds=True):
        error = InputError if fits(value, annotation, bounds=False) else TypeError
        raise error(mismatch(name, got=repr(value), expected=describe(annotation)))


def describe(annotation: Any) -> str:
    """Returns a phrase for the values that an annotation allows.

    Example:
        >>> describe(Sequence[Dimension] | None)
        'a list (each: an integer >= 0 and <= 2), or None'
    """
    if (origin := get_origin(annotation)) in _DESCRIBE:
        return _DESCRIBE[origin](get_args(annotation))
    if is_typeddict(annotation):
        return f"a mapping with the keys {', '.join(sorted(annotation.__annotations__))}"
    return _NOUNS.get(annotation) or f"a {annotation.__name__}"


def fits(value: Any, annotation: Any, *, bounds: bool) -> bool:
    """Tells whether a value has the type of an annotation and, with ``bounds``, lies inside its bounds."""
    if (origin := get_origin(annotation)) in _FITS:
        return _FITS[origin](value, get_args(annotation), bounds)
    if is_typeddict(annotation):
        return _mapping_fits(value, get_type_hints(annotation, include_extras=True), bounds)
    kind = {float: Real, int: Integral}.get(annotation, annotation)
    return isinstance(value, kind) and (annotation is bool or not isinstance(value, bool))


_NOUNS = {
    float: "a number",
    int: "an integer",
    bool: "True or False",
    str: "a string",
    NoneType: "None",
    torch.Tensor: "a tensor",
}
_BOUNDS: dict[type, tuple[str, str, Callable[[Any, Any], bool]]] = {
    Ge: ("ge", ">=", operator.ge),
    Gt: ("gt", ">", operator.gt),
    Le: ("le", "<=", operator.le),
    Lt: ("lt", "<", operator.lt),
}


def _describe_bounded(arguments: Arguments) -> str:
    annotation, *bounds = arguments
    if isinstance(bounds[0], MinLen):
        return f"{describe(annotation)} of at least {bounds[0].min_length}"
    limits = " and ".join(f"{sign} {limit}" for sign, limit, _ in map(_limit, bounds))
    return f"{describe(annotation)} {limits}"


def _describe_union(arguments: Arguments) -> str:
    return ", or ".join(map(describe, arguments))


_DESCRIBE: dict[Any, Callable[[Arguments], str]] = {
    Annotated: _describe_bounded,
    Union: _describe_union,
    UnionType: _describe_union,
    Literal: lambda values: f"one of {', '.join(map(repr, values))}",
    Callable: lambda _: "a callable",
    Sequence: lambda arguments: f"a list (each: {describe(arguments[0])})",
    tuple: lambda arguments: f"{len(arguments)} values (each: {describe(arguments[0])})",
}


def _fits_bounded(value: Any, arguments: Arguments, bounds: bool) -> bool:
    annotation, *limits = arguments
    return fits(value, annotation, bounds=bounds) and (not bounds or all(_is_inside(value, limit) for limit in limits))


def _fits_union(value: Any, arguments: Arguments, bounds: bool) -> bool:
    return any(fits(value, annotation, bounds=bounds) for annotation in arguments)


def _fits_sequence(value: Any, arguments: Arguments, bounds: bool) -> bool:
    return _is_list(value) and all(fits(item, arguments[0], bounds=bounds) for item in value)


def _fits_tuple(value: Any, arguments: Arguments, bounds: bool) -> bool:
    if not _is_list(value) or len(value) != len(arguments):
        return _is_list(value) and not bounds
    return all(fits(item, annotation, bounds=bounds) for item, annotation in zip(value, arguments, strict=True))


def _mapping_fits(value: Any, hints: dict[str, Any], bounds: bool) -> bool:
    if not isinstance(value, dict) or value.keys() != hints.keys():
        return isinstance(value, dict) and not bounds
    return all(fits(value[key], hint, bounds=bounds) for key, hint in hints.items())


_FITS: dict[Any, Callable[[Any, Arguments, bool], bool]] = {
    Annotated: _fits_bounded,
    Union: _fits_union,
    UnionType: _fits_union,
    Literal: lambda value, values, bounds: value in values if bounds else isinstance(value, str),
    Callable: lambda value, _, __: callable(value),
    Sequence: _fits_sequence,
    tuple: _fits_tuple,
}


def _is_list(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | dict | torch.Tensor)


def _is_inside(value: Any, bound: object) -> bool:
    if isinstance(bound, MinLen):
        return len(value) >= bound.min_length
    _, limit, compare = _limit(bound)
    return bool(compare(value, limit))


def _limit(bound: object) -> tuple[str, Any, Callable[[Any, Any], bool]]:
    """Returns the sign, the number and the comparison of a bound."""
    attribute, sign, compare = _BOUNDS[type(bound)]
    return sign, getattr(bound, attribute), compare
