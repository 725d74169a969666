"""Data sets of simulated images of existing masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from segtopo.atomic_output import atomic_output
from segtopo.errors import InputError, mismatch
from segtopo.phantoms.appearance import Appearance, simulate_intensities
from segtopo.phantoms.crops import crops_around_foreground
from segtopo.phantoms.dataset_files import lossless_extension, write_case, write_json
from segtopo.volumes import Volume, crop_volume, image_extension, image_stem, list_images, read_mask
from segtopo.volumes.file_names import PICTURES

_DEFAULT_CROPS = {2: (128, 128), 3: (96, 96, 96)}


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
    """Writes a data set of simulated images of masks to a folder. After an error no folder is left.

    The folder contains ``images``, ``labels`` and ``simulated.json``. An image has values from 0 to 255; its label, the
    mask or a crop of it, has the same file name. The JSON file contains the parameters and the mask of each case. The
    same arguments give the same files, byte for byte.

    Args:
        out: New or empty folder.
        masks: Files of masks, or folders with masks.
        crop: Number of voxels of the crops along each axis; by default (128, 128) or (96, 96, 96). If the mask is
            smaller along an axis, the crop is as long as the mask. A crop keeps its position in space.
        crops_per_mask: Number of crops of each mask, see :func:`crops_around_foreground`.
        seed: Seed of all random numbers, at least 0.
        noise: Standard deviation of the noise in an image with values from 0 to 1, in which the contrast of a thick
            vessel is 0.35. It replaces that of ``appearance``.
        gap_density: Number of gaps per 10,000 voxels of thin branches, see :func:`simulate_intensities`.
        appearance: Intensities and sizes of the simulation.
        label: Foreground value in label maps; by default the masks are binary.
        whole: Write one image of each entire mask, with the geometry of its file, and no crops.
        file_format: File extension; by default ``.png`` for 2D masks in PNG, TIFF and JPEG files and ``.nii.gz`` for
            others.
        progress: Called before each image is made, with its file name, its number (from 1) and the number of images.

    Raises:
        InputError: A mask is missing, damaged, empty or not binary, two masks have the same name, an argument is out of
            range, or ``out`` cannot be written or is not empty.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> from segtopo.volumes import write_volume
        >>> folder = Path(tempfile.mkdtemp())
        >>> write_volume(folder / "bar.png", np.eye(48, 64, dtype=bool))
        >>> write_simulated_dataset(folder / "out", [folder / "bar.png"], crop=(24, 32), crops_per_mask=1)
        >>> [file.relative_to(folder / "out").as_posix() for file in sorted((folder / "out").rglob("*.*"))]
        ['images/bar_00.png', 'labels/bar_00.png', 'simulated.json']
    """
    if seed < 0:
        raise InputError(mismatch("seed", got=seed, expected="at least 0"))
    files = mask_files(masks)
    _check_unique_stems(files)
    look = replace(appearance or Appearance(), noise=noise)
    cases: list[dict[str, Any]] = []
    with atomic_output(out) as part:
        for number, file in enumerate(files):
            mask = read_mask(file, None if label is None else [label])
            if not mask.array.any():
                raise InputError(mismatch(file, got="no foreground", expected="at least one foreground voxel"))
            extension = lossless_extension(file_format, _default_extension(file, mask))
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
                write_case(part, name, image, box)
                cases.append({"case": name, "mask": file.name, "shape": box.spatial_shape})
        parameters = {"seed": seed, "gap_density": gap_density, "label": label, "appearance": asdict(look)}
        write_json(part / "simulated.json", {**parameters, "cases": cases})


def mask_files(masks: Sequence[str | Path]) -> list[Path]:
    """Replaces each folder in a list of masks by the image files in it, sorted by name.

    Raises:
        InputError: A folder contains no image.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("b.png", "a.png", "notes.txt"):
        ...     (folder / name).touch()
        >>> [file.name for file in mask_files(["liver.nii.gz", folder])]
        ['liver.nii.gz', 'a.png', 'b.png']
    """
    return [file for path in map(Path, masks) for file in (list_images(path) if path.is_dir() else [path])]


def _check_unique_stems(files: list[Path]) -> None:
    stems = [image_stem(file) for file in files]
    for stem in stems:
        if stems.count(stem) > 1:
            raise InputError(mismatch("masks", got=f"several files named {stem}", expected="one file of each name"))


def _default_extension(file: Path, mask: Volume) -> str:
    return ".png" if image_extension(file) in PICTURES and mask.ndim == 2 else ".nii.gz"


def _crops(mask: Volume, crop: Sequence[int] | None, count: int, seed: list[int]) -> list[tuple[str, Volume]]:
    """Crops a mask around its foreground; returns each crop with the suffix of its file name."""
    boxes = crops_around_foreground(mask.array, _DEFAULT_CROPS[mask.ndim] if crop is None else crop, count, seed=seed)
    return [
        (f"_{index:02d}", crop_volume(mask, [s.start for s in box], [s.stop - s.start for s in box]))
        for index, box in enumerate(boxes)
    ]
