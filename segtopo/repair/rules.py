"""The rules of a repair: the limits of probability and size by which it decides."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from segtopo.errors import InputError, mismatch
from segtopo.persistence import Construction
from segtopo.persistence.inputs import check_construction, check_integer, check_number

PROBABILITY = "a probability from 0 to 1"
SIZE = "a size in mm^2 or mm^3, at least 0"

DEFAULT_PIECE, DEFAULT_HOLE = 100, {2: 20, 3: 5}  # in voxels


@dataclass(frozen=True, kw_only=True)
class RepairRules:
    """The limits of probability and size by which a repair decides.

    Sizes are areas in mm² (2D) or volumes in mm³ (3D); without a spacing, a voxel has the size 1. The defaults help on
    retinal vessels and airways alike; :func:`calibrate_repair` finds better rules for a network.

    Args:
        threshold: The mask before the repair holds the voxels above it.
        connect_above: Two pieces of the mask are joined if a path between them exists on which all probabilities are
            at least this. None: nothing is joined.
        max_path_cost: A join is left out if its path costs more than this multiple of the weight of the lighter piece.
            The cost is the sum of the probabilities that the path lacks to the threshold: the change of the map if
            the pieces are joined. The weight is the sum of the probabilities above the threshold: the change if the
            piece is removed. So at 1 the cheaper change decides. None: no limit.
        min_piece_size: Smaller pieces are removed, after pieces have been joined. None: 100 voxels.
        min_piece_peak: Pieces whose largest probability is smaller are removed.
        min_hole_size: Smaller holes (2D) and cavities (3D) are filled. None: 20 pixels or 5 voxels.
        max_hole_floor: Holes and cavities whose smallest probability is larger are filled.
        betti_numbers: The largest numbers of components, loops and (3D) cavities that the result may have. None in
            place of a number: as many as there are. None: no limits.
        construction: ``"T"``: the foreground is 8- or 26-connected. ``"V"``: it is 4- or 6-connected.

    Raises:
        TypeError: A rule has a wrong type.
        InputError: A rule is out of its range.

    Example:
        >>> RepairRules(connect_above=1.5)
        Traceback (most recent call last):
        segtopo.errors.InputError: connect_above: got 1.5, expected a probability from 0 to 1
    """

    threshold: float = 0.5
    connect_above: float | None = 0.005
    max_path_cost: float | None = None
    min_piece_size: float | None = None
    min_piece_peak: float = 0.0
    min_hole_size: float | None = None
    max_hole_floor: float = 1.0
    betti_numbers: tuple[int | None, ...] | None = None
    construction: Construction = "T"

    def __post_init__(self) -> None:
        for name in ("threshold", "min_piece_peak", "max_hole_floor"):
            self._as_float(name, 1.0, PROBABILITY)
        if self.connect_above is not None:
            self._as_float("connect_above", 1.0, PROBABILITY)
        if self.max_path_cost is not None:
            self._as_float("max_path_cost", float("inf"), "a number >= 0")
        for name in ("min_piece_size", "min_hole_size"):
            if getattr(self, name) is not None:
                self._as_float(name, float("inf"), SIZE)
        check_construction(self.construction)
        if self.betti_numbers is not None:
            object.__setattr__(self, "betti_numbers", self._checked_numbers())

    def _as_float(self, name: str, highest: float, expected: str) -> None:
        """Converts a rule to a float: NumPy would compare float32 maps with a limit of float64 in another precision."""
        object.__setattr__(self, name, check_number(getattr(self, name), name, 0.0, highest, expected))

    def _checked_numbers(self) -> tuple[int | None, ...]:
        numbers = self.betti_numbers
        if not isinstance(numbers, tuple | list) or len(numbers) not in (2, 3):
            expected = "one number (or None) for each dimension: 2 or 3"
            raise InputError(mismatch("betti_numbers", got=numbers, expected=expected))
        return tuple(None if n is None else check_integer(n, "betti_numbers", 0) for n in numbers)

    def least_piece(self, voxel_size: float) -> float:
        """Returns the smallest size in mm² or mm³ of a piece that is kept."""
        return DEFAULT_PIECE * voxel_size if self.min_piece_size is None else self.min_piece_size

    def least_hole(self, voxel_size: float, ndim: int) -> float:
        """Returns the smallest size in mm² or mm³ of a hole (2D) or cavity (3D) that is kept."""
        return DEFAULT_HOLE[ndim] * voxel_size if self.min_hole_size is None else self.min_hole_size

    def save(self, path: str | Path) -> None:
        """Writes the rules to a JSON file."""
        Path(path).write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> RepairRules:
        """Reads rules from a JSON file of :meth:`save` or of a calibration.

        Raises:
            InputError: The file is not JSON, or holds an unknown rule or a value out of its range.
        """
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise InputError(mismatch(path, got=str(error), expected="a JSON file of repair rules")) from None
        return cls.of(content.get("rules", content) if isinstance(content, dict) else content, path)

    @classmethod
    def of(cls, content: Any, source: object) -> RepairRules:
        """Converts the content of a JSON file to rules; ``source`` is its name in error messages."""
        known = [field.name for field in fields(cls)]
        if not isinstance(content, dict) or not set(content) <= set(known):
            unknown = sorted(set(content) - set(known)) if isinstance(content, dict) else type(content).__name__
            raise InputError(mismatch(source, got=unknown, expected=f"rules among {', '.join(known)}"))
        try:
            return cls(**content)
        except (TypeError, InputError) as error:
            raise InputError(f"{source}: {error}") from None
