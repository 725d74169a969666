"""Trained networks whose probabilities are averaged."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from segtopo.config import TrainingConfig
from segtopo.config.data import DataConfig
from segtopo.config.error_messages import show
from segtopo.errors import InputError, mismatch
from segtopo.inference.checkpoint import BEST, LAST, Checkpoint
from segtopo.inference.images import ImageFiles, load_image
from segtopo.inference.sliding_windows import SlidingWindows
from segtopo.repair import RepairRules
from segtopo.volumes import Volume

#: The folders of a cross-validation are fold_0, fold_1, ...
FOLD = "fold_"

#: Keys of a config's ``data`` that do not decide which images a network takes. The spacing is each network's own.
OTHER_KEYS = ("train", "dataset", "table", "validation", "split", "ignore_label", "label", "class_names", "spacing")


@dataclass(frozen=True)
class Member:
    """A network of an ensemble."""

    path: Path
    checkpoint: Checkpoint
    config: TrainingConfig
    network: torch.nn.Module
    windows: SlidingWindows

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the classes without the background, or of the regions."""
        return self.config.data.output_channels.names


class Ensemble:
    """One or several trained networks; the probabilities are the mean of theirs.

    The networks and their grids may differ, but not the channels, the normalisation and the classes or regions.

    Args:
        paths: Checkpoints, or folders of trainings, see :func:`checkpoints_of`.
        device: The device of the networks.
        overlap: The overlap of neighbouring windows as a part of their size, in [0, 1).
        mirror: Whether the probabilities are also averaged over all mirror images of each window.

    Raises:
        InputError: A checkpoint cannot be used, or two of them read images in different ways.
    """

    def __init__(self, paths: Sequence[Path], device: torch.device, overlap: float, mirror: bool) -> None:
        self.members = [_load(path, device, overlap, mirror) for given in paths for path in checkpoints_of(given)]
        first = self.members[0]
        for other in self.members[1:]:
            _check_same_reading(first, other)

    @property
    def data(self) -> DataConfig:
        """How an image is read."""
        return self.members[0].config.data

    @property
    def in_channels(self) -> int:
        """The number of channels of an image."""
        return self.members[0].checkpoint.in_channels

    @property
    def rules(self) -> RepairRules | list[RepairRules]:
        """The repair rules that all checkpoints have, or the default rules if they have none.

        Raises:
            InputError: Two checkpoints have different rules.
        """
        rules = [member.checkpoint.rules(member.path) for member in self.members]
        for member, own in zip(self.members, rules, strict=True):
            if own != rules[0]:
                expected = f"those of {self.members[0].path}, or a file of rules"
                raise InputError(mismatch(member.path, got="other repair rules", expected=expected))
        return rules[0]

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the foreground classes or regions, which all checkpoints have or leave open.

        Raises:
            InputError: Two checkpoints have different names.
        """
        named = [member for member in self.members if member.config.data.class_names is not None]
        for member in named[1:]:
            if member.config.data.class_names != named[0].config.data.class_names:
                got = f"the classes {', '.join(member.names)}"
                expected = f"{', '.join(named[0].names)} as in {named[0].path}"
                raise InputError(mismatch(member.path, got=got, expected=expected))
        return (*named, self.members[0])[0].names

    def identity(self) -> list[str]:
        """Returns a hash of the content of each checkpoint."""
        return [_hash(member.path) for member in self.members]

    def __call__(self, files: ImageFiles) -> tuple[torch.Tensor, Volume]:
        """Reads an image and computes its probabilities, on its own grid.

        Returns:
            The mean probabilities of the foreground (1, structures, *spatial), and the image.

        Raises:
            InputError: The image cannot be read or does not fit the networks.
        """
        total: torch.Tensor | None = None
        with torch.inference_mode():
            for member in self.members:
                image, volume, grid = load_image(files, member.config.data, member.config.dimensions)
                if len(image) != self.in_channels:
                    expected = f"{self.in_channels}, as in the training"
                    raise InputError(mismatch(files[0], got=f"{len(image)} channels", expected=expected))
                windows = member.windows(torch.from_numpy(image)[None], member.network)
                probabilities = grid.from_grid(windows[0])[None]
                total = probabilities if total is None else total + probabilities
            assert total is not None
            return total / len(self.members), volume


def checkpoints_of(path: Path) -> list[Path]:
    """Returns the checkpoints that a path stands for.

    A file stands for itself. The folder of a training stands for its ``best.pt``, or its ``last.pt`` if it had no
    validation. A folder with the folders ``fold_0``, ``fold_1``, ... of a cross-validation stands for all of them.

    Raises:
        InputError: The folder has none of these.
    """
    if not path.is_dir():
        return [path]
    for name in (BEST, LAST):
        if (path / name).is_file():
            return [path / name]
    folds = sorted(path.glob(f"{FOLD}[0-9]*"), key=lambda fold: (len(fold.name), fold.name))
    if not folds:
        raise InputError(
            mismatch(path, got="a folder without best.pt", expected="a checkpoint, or a training's folder")
        )
    return [checkpoint for fold in folds for checkpoint in checkpoints_of(fold)]


def _load(path: Path, device: torch.device, overlap: float, mirror: bool) -> Member:
    checkpoint = Checkpoint.load(path)
    config = checkpoint.training_config(path)
    network = checkpoint.build_network(path).to(device)
    return Member(path, checkpoint, config, network, SlidingWindows(config, overlap, mirror=mirror))


def _check_same_reading(first: Member, other: Member) -> None:
    one, two = _reading(first), _reading(other)
    for key in one:
        if one[key] != two[key]:
            expected = f"{show(one[key])} as in {first.path}: the networks of an ensemble read images in one way"
            raise InputError(mismatch(f"{other.path}: {key}", got=show(two[key]), expected=expected))


def _reading(member: Member) -> dict[str, Any]:
    """Returns all that decides which images a network takes, by its key."""
    data = member.config.data.model_dump(mode="json", exclude=set(OTHER_KEYS))
    read = {f"data.{key}": value for key, value in data.items()}
    read["order of data.regions"] = list(data["regions"] or ())
    return read | {"number of axes": member.config.dimensions, "channels": member.checkpoint.in_channels}


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
