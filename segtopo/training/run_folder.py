"""The folder of a training: whether it may be written, resumed, or taken as the start of another."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from segtopo.config.training_config import TrainingConfig
from segtopo.errors import InputError

LAST, BEST = "last.pt", "best.pt"

#: What may change when a training goes on: how long, where, and with how many workers, but not what is learned.
FREE_TO_CHANGE = ("epochs", "device", "workers", "out")


def check_out(out: Path, resume: bool) -> None:
    """Makes sure that a training can be written to ``out``, or resumed from it.

    Raises:
        InputError: It cannot, or ``out`` holds a training that would be lost.
    """
    nearest = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise InputError(f"out: {out} cannot be written; expected a folder, {nearest} is not writable or no folder")
    if resume and not (out / LAST).is_file():
        raise InputError(f"{out / LAST}: no such file; expected the checkpoint of a training to resume")
    if not resume and (out / LAST).exists():
        raise InputError(f"out: {out} holds a training; expected another folder, or --resume to continue that one")


def check_same_config(old: dict[str, Any], new: TrainingConfig, checkpoint: Path) -> None:
    """Makes sure that a resumed training goes on with the config it began with.

    Raises:
        InputError: Names the first value that differs.
    """
    before, now = _flatten(old), _flatten(new.model_dump(mode="json"))
    for key in sorted(before.keys() | now.keys()):
        if before.get(key) != now.get(key) and key not in FREE_TO_CHANGE:
            raise InputError(
                f"{key}: received {now.get(key)!r}, but {checkpoint} was trained with {before.get(key)!r}; to resume, "
                f"only {', '.join(FREE_TO_CHANGE)} may differ"
            )


def _flatten(value: Any, path: str = "") -> dict[str, Any]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None:
        return {path.lstrip("."): value}
    return {key: leaf for name, item in items for key, leaf in _flatten(item, f"{path}.{name}").items()}
