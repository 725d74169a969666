"""The header of an NRRD file: fields, and pairs of a key and a value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from segtopo.volumes.data_files import read_line

_SYNONYMS = {"datafile": "data file", "byteskip": "byte skip", "lineskip": "line skip"}


@dataclass(frozen=True)
class NrrdHeader:
    """The header of an NRRD file.

    Attributes:
        fields: The values of the fields, for instance ``{"encoding": "gzip"}``.
        keys: The values of the pairs ``key:=value``.
        lines: The lines of the fields.
        listed: The lines after a field ``data file: LIST``, which name files.
        end: Position of the first byte after the header.
    """

    fields: Mapping[str, str]
    keys: Mapping[str, str]
    lines: tuple[str, ...]
    listed: tuple[str, ...]
    end: int

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of voxels along each axis, the fastest first."""
        sizes = tuple(int(size) for size in self.fields["sizes"].split())
        if len(sizes) != int(self.fields["dimension"]):
            raise ValueError(f"dimension {self.fields['dimension']} and sizes {sizes}")
        return sizes

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kind of each axis in lower case; ``domain`` if the file does not tell."""
        kinds = tuple(self.fields.get("kinds", "domain " * len(self.sizes)).lower().split())
        if len(kinds) != len(self.sizes):
            raise ValueError(f"kinds {kinds} of {len(self.sizes)} axes")
        return kinds


def read_nrrd_header(path: Path) -> NrrdHeader:
    """Reads the header of an NRRD or NHDR file.

    Raises:
        ValueError: The file does not begin with such a header.
    """
    fields: dict[str, str] = {}
    keys: dict[str, str] = {}
    lines: list[str] = []
    listed: list[str] = []
    with path.open("rb") as file:
        if not re.fullmatch(r"NRRD000\d\s*", read_line(file)):
            raise ValueError("no NRRD header")
        while line := read_line(file).rstrip("\r\n"):
            if fields.get("data file", "").startswith("LIST"):
                listed.append(line)
            elif pair := re.fullmatch(r"([^:#]+):=(.*)", line):
                keys[pair[1]] = pair[2].replace("\\n", "\n")
            elif field := re.fullmatch(r"([^:#]+): (.*)", line):
                fields[_SYNONYMS.get(field[1].lower(), field[1].lower())] = field[2].strip()
                lines.append(line)
            elif not line.startswith("#"):
                raise ValueError(f"the line {line[:40]!r} in the header")
        end = file.tell()
    missing = {"type", "dimension", "sizes", "encoding"} - fields.keys()
    if missing:
        raise ValueError(f"a header without {', '.join(sorted(missing))}")
    return NrrdHeader(fields, keys, tuple(lines), tuple(listed), end)
