"""The base of all sections of a config, and the types of their values.

Every integer has an upper limit, so that no counter, index or seed can overflow.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

LARGEST_COUNT = 1_000_000
#: Limits of file systems in bytes, for one name and for a path (macOS: 1024).
LONGEST_NAME, LONGEST_PATH = 255, 1000
DEVICE_PATTERN = r"^(auto|cpu|cuda(:(0|[1-9][0-9]?))?)$"


class Section(BaseModel):
    """A mapping of a config file: strictly typed, without unknown keys, frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Expected:
    """The description of an annotated type in error messages, instead of one made from its limits."""

    phrase: str


def _check_order(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] > bounds[1]:
        raise ValueError
    return bounds


def _check_path(path: Any) -> Any:
    """Checks the text of a path before it becomes one, as ``Path("")`` is the current folder."""
    if isinstance(path, str):
        length = max(len(part) for part in path.encode().split(b"/"))
        if not path or "\0" in path or length > LONGEST_NAME or len(path.encode()) > LONGEST_PATH:
            raise ValueError
    return path


def _check_regular_expression(pattern: str) -> str:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        raise ValueError from None
    return pattern


def _check_odd(number: int) -> int:
    if number % 2 == 0:
        raise ValueError
    return number


PositiveInt = Annotated[int, Field(ge=1, le=LARGEST_COUNT)]
NonNegativeInt = Annotated[int, Field(ge=0, le=LARGEST_COUNT)]
AxisIndex = Annotated[int, Field(ge=0, le=2)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
KernelSize = Annotated[int, Field(ge=1, le=31), AfterValidator(_check_odd), Expected("an odd integer from 1 to 31")]

Probability = Annotated[float, Field(ge=0, le=1)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
#: A distance in voxels.
Voxels = Annotated[float, Field(ge=0, le=1000)]
Factor = Annotated[float, Field(ge=0.1, le=10)]
#: A change of normalised intensities.
Change = Annotated[float, Field(ge=-1e6, le=1e6)]
#: The size of a reduced image as a part of the original size.
Reduction = Annotated[float, Field(ge=0.1, le=1)]
Percentage = Annotated[float, Field(ge=0, le=100)]

_Ordered = AfterValidator(_check_order)
CountBounds = Annotated[
    tuple[PositiveInt, PositiveInt], _Ordered, Expected(f"[low, high] with 1 <= low <= high <= {LARGEST_COUNT}")
]
Bounds = Annotated[tuple[Change, Change], _Ordered, Expected("[low, high] with low <= high, from -1e6 to 1e6")]
VoxelBounds = Annotated[tuple[Voxels, Voxels], _Ordered, Expected("[low, high] with 0 <= low <= high <= 1000")]
FactorBounds = Annotated[tuple[Factor, Factor], _Ordered, Expected("[low, high] with 0.1 <= low <= high <= 10")]
ReductionBounds = Annotated[tuple[Reduction, Reduction], _Ordered, Expected("[low, high] with 0.1 <= low <= high <= 1")]
PercentageBounds = Annotated[
    tuple[Percentage, Percentage], _Ordered, Expected("[low, high] with 0 <= low <= high <= 100")
]

ConfigPath = Annotated[
    Path,
    BeforeValidator(_check_path),
    Expected(f"a path (not empty, at most {LONGEST_PATH} bytes, {LONGEST_NAME} for each name in it)"),
]
RegularExpression = Annotated[str, AfterValidator(_check_regular_expression), Expected("a regular expression")]
Device = Annotated[str, Field(pattern=DEVICE_PATTERN), Expected("auto, cpu, cuda or cuda:NUMBER")]
Spacing = (
    Literal["native", "auto"]
    | Annotated[tuple[Annotated[float, Field(gt=0, le=1000)], ...], Field(min_length=2, max_length=3)]
)
