"""Data sets of vessel phantoms for training and testing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from segtopo.atomic_output import atomic_output
from segtopo.errors import InputError, mismatch
from segtopo.phantoms.dataset_files import lossless_extension, write_case, write_json
from segtopo.phantoms.vessel_phantom import vessel_phantom
from segtopo.volumes import Volume

_DEFAULT_SHAPES = {2: (128, 160), 3: (64, 56, 48)}


def write_phantom_dataset(
    out: str | Path,
    *,
    ndim: int = 2,
    shape: Sequence[int] | None = None,
    train: int = 12,
    test: int = 6,
    seed: int = 0,
    trees: int = 1,
    loops: int = 1,
    noise: float = 0.08,
    gaps: int = 6,
    file_format: str | None = None,
    progress: Callable[[str, int, int], None] = lambda case, number, total: None,
) -> None:
    """Writes a data set of vessel phantoms to a folder. After an error no folder is left.

    The folder contains ``train/images``, ``train/labels``, ``test/images``, ``test/labels`` and ``phantoms.json``. An
    image has values from 0 to 255; its label has the same file name. The JSON file contains the arguments and the Betti
    numbers of each case.

    The same arguments give the same files, byte for byte. A case depends only on its split, its number and the other
    arguments, so larger values of ``train`` and ``test`` add cases and change none.

    Args:
        out: New or empty folder.
        ndim: Number of dimensions, 2 or 3.
        shape: Number of voxels along each axis, at least 32; by default (128, 160) or (64, 56, 48). A voxel is 1 mm
            wide.
        train: Number of cases for training.
        test: Number of cases for testing.
        seed: Seed of all random numbers, at least 0.
        trees: Number of components of each label.
        loops: Number of loops of each label.
        noise: Standard deviation of the noise in an image with values from 0 to 1, in which the contrast of a thick
            vessel is 0.35.
        gaps: Largest number of gaps in each image, where a vessel nearly vanishes.
        file_format: File extension; by default ``.png`` in 2D and ``.nii.gz`` in 3D.
        progress: Called before each case is made, with its path in the folder, its number (from 1) and the number of
            cases.

    Raises:
        InputError: An argument is out of range, or ``out`` cannot be written or is not empty.

    Example:
        >>> import tempfile
        >>> out = Path(tempfile.mkdtemp()) / "vessels"
        >>> write_phantom_dataset(out, shape=(64, 80), train=1, test=1)
        >>> [file.relative_to(out).as_posix() for file in sorted(out.rglob("*.png"))]
        ['test/images/vessels_00.png', 'test/labels/vessels_00.png',
         'train/images/vessels_00.png', 'train/labels/vessels_00.png']
    """
    if ndim not in _DEFAULT_SHAPES:
        raise InputError(mismatch("ndim", got=ndim, expected="2 or 3"))
    size = _DEFAULT_SHAPES[ndim] if shape is None else tuple(shape)
    if len(size) != ndim:
        raise InputError(mismatch("shape", got=size, expected=f"{ndim} sizes, as ndim"))
    for name, value in (("train", train), ("test", test), ("seed", seed)):
        if value < 0:
            raise InputError(mismatch(name, got=value, expected="at least 0"))
    if train + test == 0:
        raise InputError(mismatch("train and test", got="0 cases", expected="at least 1 case"))
    extension = lossless_extension(file_format, ".png" if ndim == 2 else ".nii.gz")
    cases: list[dict[str, Any]] = []
    with atomic_output(out) as part:
        for number, (split, count) in enumerate({"train": train, "test": test}.items()):
            for case in range(count):
                name = f"vessels_{case:02d}{extension}"
                progress(f"{split}/{name}", len(cases) + 1, train + test)
                case_seed = [seed, number, case]
                phantom = vessel_phantom(size, seed=case_seed, trees=trees, loops=loops, noise=noise, gaps=gaps)
                write_case(part / split, name, phantom.image, Volume(phantom.label))
                cases.append({"case": f"{split}/{name}", "seed": case_seed, "betti_numbers": phantom.betti_numbers})
        parameters = {"shape": size, "seed": seed, "trees": trees, "loops": loops, "noise": noise, "gaps": gaps}
        write_json(part / "phantoms.json", {**parameters, "cases": cases})
