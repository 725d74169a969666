"""Files of persistence pairs: CSV, JSON and NPZ."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from segtopo.atomic_output import atomic_output
from segtopo.errors import InputError, mismatch
from segtopo.persistence.pairs import PersistencePairs


def write_pairs(path: str | Path, pairs: PersistencePairs) -> None:
    """Writes persistence pairs to a file whose format is that of the path's extension.

    * ``.csv``: one row for each pair, with the columns ``dimension``, ``birth``, ``death``, ``birth_voxel_0`` ... and
      ``death_voxel_0`` ... Essential features have an infinite death and the death voxel -1.
    * ``.json``: an object with ``shape``, ``filtration``, ``construction`` and the list ``pairs``. Each pair has the
      keys ``dimension``, ``birth``, ``death``, ``birth_voxel`` and ``death_voxel``. Numbers that are not finite and the
      death voxels of essential features are null, because JSON has no infinity.
    * ``.npz``: the fields of :class:`PersistencePairs` as compressed arrays, for :func:`numpy.load`.

    The file appears whole or not at all. Missing folders are made, and an existing file is replaced.

    Args:
        path: The file to write.
        pairs: The pairs of one image.

    Raises:
        InputError: The extension is another one, or the file cannot be written.

    Example:
        >>> import tempfile
        >>> from segtopo.persistence import compute_persistence
        >>> folder = Path(tempfile.mkdtemp())
        >>> pairs = compute_persistence([[0.9, 0.1, 0.8, 0.3]])
        >>> write_pairs(folder / "pairs.csv", pairs)
        >>> print((folder / "pairs.csv").read_text())
        dimension,birth,death,birth_voxel_0,birth_voxel_1,death_voxel_0,death_voxel_1
        0,0.9,-inf,0,0,-1,-1
        0,0.8,0.1,0,2,0,1
        <BLANKLINE>
        >>> write_pairs(folder / "pairs.json", pairs)
        >>> json.loads((folder / "pairs.json").read_text())["pairs"][1]
        {'dimension': 0, 'birth': 0.8, 'death': 0.1, 'birth_voxel': [0, 2], 'death_voxel': [0, 1]}
        >>> write_pairs(folder / "pairs.npz", pairs)
        >>> np.load(folder / "pairs.npz")["births"].tolist()
        [0.9, 0.8]
    """
    path = Path(path)
    check_pair_file(path)
    with atomic_output(path) as part:
        _WRITERS[path.suffix](part, pairs)


def check_pair_file(path: str | Path) -> None:
    """Raises InputError unless :func:`write_pairs` knows the extension; a cheap check before a long computation."""
    if Path(path).suffix not in _WRITERS:
        got = f"extension {Path(path).suffix!r}"
        raise InputError(mismatch(path, got=got, expected=f"a name that ends in {', '.join(_WRITERS)}"))


def _write_csv(path: Path, pairs: PersistencePairs) -> None:
    axes = range(len(pairs.shape))
    header = ["dimension", "birth", "death", *(f"birth_voxel_{a}" for a in axes), *(f"death_voxel_{a}" for a in axes)]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for dimension, birth, death, birth_voxel, death_voxel in _rows(pairs):
            writer.writerow([dimension, birth, death, *birth_voxel, *death_voxel])


def _write_json(path: Path, pairs: PersistencePairs) -> None:
    rows = [
        {
            "dimension": dimension,
            "birth": birth if math.isfinite(birth) else None,
            "death": death if math.isfinite(death) else None,
            "birth_voxel": birth_voxel,
            "death_voxel": death_voxel if min(death_voxel) >= 0 else None,
        }
        for dimension, birth, death, birth_voxel, death_voxel in _rows(pairs)
    ]
    image = {"shape": pairs.shape, "filtration": pairs.filtration, "construction": pairs.construction}
    path.write_text(json.dumps({**image, "pairs": rows}, allow_nan=False) + "\n", encoding="utf-8")


def _write_npz(path: Path, pairs: PersistencePairs) -> None:
    # The extension is a known one, so numpy adds none.
    np.savez_compressed(path, **vars(pairs))


def _rows(pairs: PersistencePairs) -> Iterator[tuple[int, float, float, list[int], list[int]]]:
    """Yields the dimension, birth, death, birth voxel and death voxel of each pair."""
    columns = (pairs.dimensions, pairs.births, pairs.deaths, pairs.birth_voxels, pairs.death_voxels)
    return zip(*(column.tolist() for column in columns), strict=True)


_WRITERS: dict[str, Callable[[Path, PersistencePairs], None]] = {
    ".csv": _write_csv,
    ".json": _write_json,
    ".npz": _write_npz,
}
