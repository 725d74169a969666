"""A folder of prepared cases. A training reads each case once, and then parts of its compressed arrays from the disk.

So the memory that a training needs does not depend on the number of cases. An entry is a folder whose name has a hash
of all that its values depend on. Its file ``case.json`` is written last: an entry without it is incomplete, and one
whose files differ from its checksums is damaged. Both are made again. One process at a time makes entries.
"""

from __future__ import annotations

import json
import re
import shutil
import zlib
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import blosc2
import numpy as np
import numpy.typing as npt
from filelock import FileLock

from segtopo.config import TrainingConfig
from segtopo.errors import InputError, mismatch
from segtopo.inference.grids import TrainingGrid
from segtopo.training.case_loading import LoadedCase, load_case
from segtopo.training.case_sources import TrainingCase
from segtopo.training.foreground import sample_foreground
from segtopo.training.labels import count_voxels

#: To be raised when the values or the files of entries change.
FORMAT = 1
IMAGE_FILE, LABEL_FILE, REFERENCE_FILE = "image.b2nd", "label.b2nd", "reference.b2nd"
FOREGROUND_FILE, CASE_FILE = "foreground.npy", "case.json"
FILES, CHECKSUM = "files", "checksum"
#: Keys of ``data`` on which the values of a case do not depend.
SOURCES = {"train", "dataset", "table", "validation", "split", "class_names"}
#: Edges of the parts that are compressed alone, by the number of axes: 1 MiB of float32.
CHUNK_EDGE = {2: 512, 3: 64}


@dataclass(frozen=True)
class CachedCase:
    """A case on the disk.

    Attributes:
        name: The name of the case.
        folder: Its entry in the cache.
        channels: The number of channels of the image.
        spacing: The voxel size of ``reference`` in mm.
        grid: The grid of the network and the way back to that of ``reference``.
        voxels: The number of voxels of each label from 0 on.
    """

    name: str
    folder: Path
    channels: int
    spacing: tuple[float, ...]
    grid: TrainingGrid
    voxels: tuple[int, ...]

    @property
    def image(self) -> Any:
        """The image (C, *grid.shape), float32; slices of it are NumPy arrays."""
        return _open(self.folder / IMAGE_FILE)

    @property
    def label(self) -> Any:
        """The label (1, *grid.shape), uint8; slices of it are NumPy arrays."""
        return _open(self.folder / LABEL_FILE)

    @property
    def reference(self) -> Any:
        """The label (1, *grid.image_shape) as it was drawn, to score predictions; slices of it are NumPy arrays."""
        return _open(self.folder / REFERENCE_FILE)

    @property
    def foreground(self) -> npt.NDArray[np.int64]:
        """Linear indices of foreground voxels, see :func:`~segtopo.training.foreground.sample_foreground`."""
        samples: npt.NDArray[np.int64] = np.load(self.folder / FOREGROUND_FILE, mmap_mode="r")
        return samples


class CaseCache:
    """The prepared cases of a folder.

    Args:
        folder: The folder, which may hold the cases of other trainings.
        config: The config of the training.
    """

    def __init__(self, folder: Path, config: TrainingConfig) -> None:
        self.folder = folder
        self.config = config

    def get(self, case: TrainingCase) -> CachedCase:
        """Returns a case, which is read and prepared first if the cache does not hold it.

        Raises:
            InputError: The case cannot be used, or the cache cannot be written.
        """
        name = re.sub(r"[^\w.-]", "_", case.name)[:80]
        entry = self.folder / f"{name}-{self._key(case)}"
        try:
            with self._lock():
                found = _read(entry)
                if found is None:
                    _write(entry, load_case(case, self.config), 1 + self.config.data.output_channels.highest)
                    found = _read(entry)
                assert found is not None
                return found
        except OSError as error:
            got = f"{self.folder}, which cannot be written ({error.strerror})"
            raise InputError(mismatch("cache", got=got, expected="a writable folder on a disk with space")) from error

    def _lock(self) -> AbstractContextManager[Any]:
        self.folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self.folder / "lock")

    def _key(self, case: TrainingCase) -> str:
        """Returns a hash of all that the values of a case depend on."""
        data = self.config.data.model_dump(mode="json", exclude=SOURCES)
        files = [
            (str(file.resolve()), *_size_and_time(file))
            for path in (*case.images, case.label)
            for file in _files_of(path)
        ]
        text = json.dumps([FORMAT, self.config.dimensions, data, files], sort_keys=True)
        return sha256(text.encode()).hexdigest()[:16]


def _files_of(path: Path) -> list[Path]:
    """Lists the files of an image: the slices of a series, or a file with the file of voxels beside it."""
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.is_file())
    beside = (path.with_suffix(extension) for extension in (".img", ".raw", ".zraw"))
    return [path, *(file for file in beside if file.is_file())]


def _write(entry: Path, case: LoadedCase, labels: int) -> None:
    """Makes an entry."""
    shutil.rmtree(entry, ignore_errors=True)
    entry.mkdir()
    try:
        voxels = count_voxels(case.label, labels)
        np.save(entry / FOREGROUND_FILE, sample_foreground(case.label[0], voxels))
        (entry / IMAGE_FILE).write_bytes(_compress(case.image))
        (entry / LABEL_FILE).write_bytes(_compress(case.label))
        (entry / REFERENCE_FILE).write_bytes(_compress(case.reference))
        content = {
            "name": case.name,
            "grid": asdict(case.grid),
            "channels": len(case.image),
            "spacing": case.spacing,
            "voxels": voxels,
            FILES: {
                file.name: [*_size_and_time(file), _checksum(file.read_bytes())] for file in sorted(entry.iterdir())
            },
        }
        (entry / CASE_FILE).write_text(
            json.dumps({CHECKSUM: _checksum(json.dumps(content).encode()), **content}), encoding="utf-8"
        )
    except BaseException:
        shutil.rmtree(entry, ignore_errors=True)
        raise


def _read(entry: Path) -> CachedCase | None:
    """Reads an entry; None if there is none, or an incomplete or damaged one."""
    try:
        content = json.loads((entry / CASE_FILE).read_text(encoding="utf-8"))
        intact = content.pop(CHECKSUM) == _checksum(json.dumps(content).encode())
        intact = intact and all(_is_intact(entry / name, *state) for name, state in content.pop(FILES).items())
        spacing, voxels = (tuple(content.pop(key)) for key in ("spacing", "voxels"))
        grid = TrainingGrid(**{key: tuple(value) for key, value in content.pop("grid").items()})
        return CachedCase(folder=entry, spacing=spacing, grid=grid, voxels=voxels, **content) if intact else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _is_intact(file: Path, size: int, modified: int, checksum: int) -> bool:
    """Whether a file has its content. It is read only if it was written at another time: a copy, or a damaged one."""
    found_size, found_modified = _size_and_time(file)
    return found_size == size and (found_modified == modified or _checksum(file.read_bytes()) == checksum)


def _size_and_time(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_size, found.st_mtime_ns


def _checksum(content: bytes) -> int:
    return zlib.crc32(content)


def _compress(array: npt.NDArray[Any]) -> bytes:
    """Compresses an array (C, *spatial) in chunks, on one thread, because workers are forked from this process."""
    edge = CHUNK_EDGE[array.ndim - 1]
    chunks, blocks = ((1, *(min(length, most) for length in array.shape[1:])) for most in (edge, edge // 2))
    settings = blosc2.CParams(codec=blosc2.Codec.ZSTD, clevel=1, nthreads=1)
    packed = blosc2.asarray(np.ascontiguousarray(array), chunks=chunks, blocks=blocks, cparams=settings)
    content: bytes = packed.to_cframe()
    return content


def _open(file: Path) -> Any:
    return blosc2.open(str(file), mode="r", dparams=blosc2.DParams(nthreads=1))
