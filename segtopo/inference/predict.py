"""Segments images with a trained network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from segtopo.atomic_output import atomic_output
from segtopo.config import TrainingConfig
from segtopo.errors import InputError, mismatch
from segtopo.inference.checkpoint import Checkpoint
from segtopo.inference.images import ImageFiles, find_images, load_image
from segtopo.inference.sliding_windows import SlidingWindows, choose_device, most_probable
from segtopo.repair import RepairedCase, RepairRules, repair_classes
from segtopo.repair.case_repair import describe_repair
from segtopo.repair.edit_tables import EDIT_TABLE, write_edit_table
from segtopo.volumes import Volume, image_extension, result_extension, write_volume

#: Other formats for the results of pictures: JPEG changes masks, GIF is read only, and TIFF alone stores probabilities.
MASK_EXTENSION = dict.fromkeys((".jpg", ".jpeg", ".gif"), ".png")
PROBABILITY_EXTENSION = dict.fromkeys((".jpg", ".jpeg", ".gif", ".bmp", ".png"), ".tiff")
PROBABILITIES = "probabilities"


def predict(
    checkpoint: str | Path,
    images: str | Path,
    out: str | Path,
    *,
    probabilities: bool = False,
    device: str = "auto",
    overlap: float = 0.5,
    repair: bool | RepairRules | Sequence[RepairRules] = False,
    progress: Callable[[str, int, int], None] = lambda case, number, total: None,
) -> list[Path]:
    """Segments images by sliding windows and writes masks of the same name and geometry.

    Args:
        checkpoint: ``best.pt`` or ``last.pt`` of a training.
        images: An image, as :func:`segtopo.volumes.read_volume` reads it, or a folder of images. Files with the names
            of nnU-Net, ``case_0000`` and ``case_0001``, are the channels of ``case``.
        out: The folder to make. It must not exist or be empty. It appears when all images are done.
        probabilities: Also write the probability of the foreground, float32 in [0, 1], to ``out/probabilities``. With
            several foreground classes, each is a channel.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:NUMBER``.
        overlap: The overlap of neighbouring windows as a part of their size, in [0, 1). A larger overlap is smoother
            and slower.
        repair: Rules by which the masks are repaired, for all foreground classes or for each, see
            :func:`segtopo.repair.repair_classes`. True: the rules that the training has calibrated, or the default
            rules if it has none. False: no repair. A repair also writes ``out/edits.csv``, which lists every edit.
        progress: Called before each image with its name, its number (from 1) and the number of images.

    Returns:
        The mask files. With two classes they are binary, with more they hold the labels.

    Raises:
        InputError: The checkpoint or an image cannot be used, or ``out`` cannot be written.
    """
    checkpoint, images, out = Path(checkpoint), Path(images), Path(out)
    if not 0 <= overlap < 1:
        raise InputError(mismatch("overlap", got=overlap, expected="a number from 0 to less than 1"))
    target = choose_device(device)
    trained = Checkpoint.load(checkpoint)
    config = trained.training_config(checkpoint)
    network = trained.build_network(checkpoint).to(target)
    rules = trained.rules(checkpoint) if repair is True else repair
    windows = SlidingWindows(config, overlap)
    found = find_images(images, config.data, trained.in_channels)
    written: list[Path] = []
    cases: list[RepairedCase] = []
    with atomic_output(out) as folder:
        folder.mkdir()
        for number, (name, files) in enumerate(found.items(), start=1):
            progress(name, number, len(found))
            foreground, volume = _segment(files, config, trained.in_channels, network, windows)
            mask = folder / _file_name(name, files[0], MASK_EXTENSION)
            labels = most_probable(foreground)[0].numpy()
            if rules is not False:
                repaired = repair_classes(foreground[0].numpy(), rules, spacing=volume.spacing)
                cases.append(describe_repair(repaired, name, mask.name, volume))
                labels = repaired.labels
            write_volume(mask, labels.astype(bool) if config.data.classes == 2 else labels, like=volume)
            written.append(out / mask.name)
            if probabilities:
                maps = foreground[0].numpy()
                file = folder / PROBABILITIES / _file_name(name, files[0], PROBABILITY_EXTENSION)
                write_volume(file, maps[0] if len(maps) == 1 else maps, like=volume)
        if rules is not False:
            write_edit_table(folder / EDIT_TABLE, cases)
    return written


def _segment(
    files: ImageFiles, config: TrainingConfig, in_channels: int, network: torch.nn.Module, windows: SlidingWindows
) -> tuple[torch.Tensor, Volume]:
    """Returns the probabilities of the foreground classes (1, classes - 1, *spatial) of an image, and the image."""
    image, volume, grid = load_image(files, config.data, config.dimensions)
    if len(image) != in_channels:
        raise InputError(
            mismatch(files[0], got=f"{len(image)} channels", expected=f"{in_channels}, as in the training")
        )
    with torch.inference_mode():
        return grid.from_grid(windows(torch.from_numpy(image)[None], network)[0])[None], volume


def _file_name(name: str, path: Path, replaced: dict[str, str]) -> str:
    return name + replaced.get(image_extension(path), result_extension(path))
