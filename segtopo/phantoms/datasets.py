"""Folders of simulated images with their labels, for training and evaluation."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from segtopo.atomic_output import atomic_output
from segtopo.errors import InputError
from segtopo.phantoms.appearance import Appearance, Image, simulate_intensities
from segtopo.phantoms.crops import crops_around_foreground
from segtopo.phantoms.vessel_phantom import vessel_phantom
from segtopo.volumes.files import (
    PICTURES,
    image_extension,
    image_stem,
    list_images,
    read_mask,
    write_volume,
)
from segtopo.volumes.volume import Volume, crop_volume

DEFAULT_SHAPES = {2: (128, 160), 3: (64, 56, 48)}
DEFAULT_CROPS = {2: (128, 128), 3: (96, 96, 96)}


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
    """Writes vessel phantoms: ``out/{train,test}/{images,labels}`` and ``out/phantoms.json``, all or nothing.

    Image and label of a case have the same name. The JSON file holds the arguments and the Betti numbers of
    each case. The same arguments give the same files, byte for byte; a case depends on the seed and its
    number alone, so that more cases can be had without changing those there are.

    Args:
        out: Folder to make; it may exist if it is empty.
        ndim: 2 or 3.
        shape: Size in voxels; 128 x 160 or 64 x 56 x 48 by default.
        train: Number of cases for training.
        test: Number of cases for testing.
        seed: Seed of all random numbers.
        trees: Components of each label.
        loops: Loops of each label.
        noise: Standard deviation of the noise; the contrast of a thick vessel is 0.35.
        gaps: Places in each image where a vessel nearly vanishes.
        file_format: Extension of the files; ``.png`` in 2D and ``.nii.gz`` in 3D by default.
        progress: Called with the name of each case, its number from 1 and the number of cases, before it is made.

    Raises:
        InputError: If an argument is out of range, or ``out`` cannot be written or holds something.

    Example:
        >>> import tempfile
        >>> out = Path(tempfile.mkdtemp()) / "vessels"
        >>> write_phantom_dataset(out, shape=(64, 80), train=1, test=1)
        >>> [file.relative_to(out).as_posix() for file in sorted(out.rglob("*.png"))]
        ['test/images/vessels_00.png', 'test/labels/vessels_00.png',
         'train/images/vessels_00.png', 'train/labels/vessels_00.png']
    """
    if ndim not in DEFAULT_SHAPES or (shape is not None and len(shape) != ndim):
        raise InputError(f"ndim is {ndim} and shape is {shape}; expected 2 or 3 dimensions and as many sizes")
    if min(train, test, seed) < 0 or train + test < 1:
        raise InputError(f"train is {train}, test is {test}, seed is {seed}; expected none below 0, and a case")
    size = DEFAULT_SHAPES[ndim] if shape is None else tuple(shape)
    extension = _extension(file_format, ".png" if ndim == 2 else ".nii.gz")
    cases: list[dict[str, Any]] = []
    with atomic_output(out) as part:
        for number, (split, count) in enumerate({"train": train, "test": test}.items()):
            for case in range(count):
                name = f"vessels_{case:02d}{extension}"
                progress(f"{split}/{name}", len(cases) + 1, train + test)
                case_seed = [seed, number, case]
                phantom = vessel_phantom(size, seed=case_seed, trees=trees, loops=loops, noise=noise, gaps=gaps)
                _write_case(part / split, name, phantom.image, Volume(phantom.label))
                cases.append({"case": f"{split}/{name}", "seed": case_seed, "betti_numbers": phantom.betti_numbers})
        parameters = {
            "shape": size,
            "seed": seed,
            "trees": trees,
            "loops": loops,
            "noise": noise,
            "gaps": gaps,
        }
        _write_json(part / "phantoms.json", {**parameters, "cases": cases})


def write_simulated_dataset(
    out: str | Path,
    masks: Sequence[str | Path],
    *,
    crop: Sequence[int] | None = None,
    crops_per_mask: int = 8,
    seed: int = 0,
    noise: float = 0.08,
    gap_density: float = 20.0,
    appearance: Appearance | None = None,
    label: int | None = None,
    whole: bool = False,
    file_format: str | None = None,
    progress: Callable[[str, int, int], None] = lambda case, number, total: None,
) -> None:
    """Writes simulated images of real masks: ``out/{images,labels}``, ``out/simulated.json``, all or nothing.

    Args:
        out: Folder to make; it may exist if it is empty.
        masks: Masks, or folders of masks; at least one.
        crop: Size in voxels of the boxes around the foreground; 128 x 128 or 96 x 96 x 96 by default. They
            keep their place in space: the origin is shifted. An axis of the mask that is shorter is taken
            whole.
        crops_per_mask: Number of boxes for each mask.
        seed: Seed of all random numbers.
        noise: Standard deviation of the noise; the contrast of a thick vessel is 0.35.
        gap_density: Gaps per 10,000 voxels of thin branches, see `simulate_intensities`.
        appearance: Everything else about the intensities.
        label: The foreground value, to pick one structure of a label map.
        whole: One image of each entire mask, with its geometry bit for bit, in place of crops.
        file_format: Extension of the files; ``.png`` for PNG, TIFF and JPEG masks and ``.nii.gz`` for others
            by default.
        progress: Called with the name of each case, its number from 1 and the number of cases, before it is made.

    Raises:
        InputError: If a mask is missing, damaged, empty or not binary, an argument is out of range, or
            ``out`` cannot be written or holds something.
    """
    if seed < 0:
        raise InputError(f"seed is {seed}; expected at least 0")
    files = mask_files(masks)
    _refuse_same_stems(files)
    look = replace(appearance or Appearance(), noise=noise)
    cases: list[dict[str, Any]] = []
    with atomic_output(out) as part:
        for number, file in enumerate(files):
            mask = read_mask(file, label)
            if not mask.array.any():
                raise InputError(f"{file}: has no foreground; expected a structure to make an image of")
            default = ".png" if image_extension(file) in PICTURES and mask.ndim == 2 else ".nii.gz"
            extension = _extension(file_format, default)
            boxes = [("", mask)] if whole else _crops(mask, crop, crops_per_mask, [seed, number])
            for case, (suffix, box) in enumerate(boxes):
                name = f"{image_stem(file)}{suffix}{extension}"
                progress(name, len(cases) + 1, len(files) * len(boxes))
                image = simulate_intensities(
                    box.array,
                    spacing=box.spacing,
                    gap_density=gap_density,
                    appearance=look,
                    seed=[seed, number, case],
                )
                _write_case(part, name, image, box)
                cases.append({"case": name, "mask": file.name, "shape": box.spatial_shape})
        parameters = {"seed": seed, "gap_density": gap_density, "label": label, "appearance": asdict(look)}
        _write_json(part / "simulated.json", {**parameters, "cases": cases})


def mask_files(masks: Sequence[str | Path]) -> list[Path]:
    """The files that masks and folders of masks stand for.

    Raises:
        InputError: If a folder holds no image.
    """
    return [file for path in map(Path, masks) for file in (list_images(path) if path.is_dir() else [path])]


def _crops(mask: Volume, crop: Sequence[int] | None, count: int, seed: list[int]) -> list[tuple[str, Volume]]:
    """Parts of a mask, each with what it adds to the name of the file."""
    boxes = crops_around_foreground(mask.array, DEFAULT_CROPS[mask.ndim] if crop is None else crop, count, seed=seed)
    return [
        (f"_{index:02d}", crop_volume(mask, [s.start for s in box], [s.stop - s.start for s in box]))
        for index, box in enumerate(boxes)
    ]


def _write_case(folder: Path, name: str, image: Image, label: Volume) -> None:
    write_volume(folder / "images" / name, _as_bytes(image), label)
    write_volume(folder / "labels" / name, label.array, label)


def _as_bytes(image: Image) -> npt.NDArray[np.uint8]:
    return np.round(image * 255).astype(np.uint8)


def _extension(file_format: str | None, default: str) -> str:
    extension = image_extension(f"image{file_format or default}")
    if extension in {".jpg", ".jpeg"}:
        raise InputError(f"file format {file_format} alters the values it stores; expected for instance {default}")
    return extension


def _refuse_same_stems(files: list[Path]) -> None:
    stems = [image_stem(file) for file in files]
    for stem in stems:
        if stems.count(stem) > 1:
            raise InputError(f"several masks are named {stem}; expected one name for each")


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n")
