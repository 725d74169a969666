"""Checks on the folder of a training run: new, resumable with the same config, or finished."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from segtopo.config import TrainingConfig
from segtopo.config.error_messages import show
from segtopo.errors import InputError, mismatch
from segtopo.inference.checkpoint import BEST, LAST, Checkpoint
from segtopo.training.epoch_rows import Row, validations_since_best

#: Keys that may change when a training is resumed: its length, its machine, its place, and names.
FREE_TO_CHANGE = ("epochs", "early_stopping", "device", "workers", "trackers", "out", "cache", "data.class_names")


def check_out(out: Path, resume: bool) -> None:
    """Checks that a training can be written to a folder, or resumed from it.

    Raises:
        InputError: It cannot, or the folder already has a training, which would be overwritten.
    """
    try:
        nearest = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
        writable = nearest.is_dir() and os.access(nearest, os.W_OK)
    except OSError as error:
        raise InputError(mismatch("out", got=f"{out} ({error.strerror})", expected="a folder")) from None
    if not writable:
        got = f"{out}, which cannot be written"
        raise InputError(mismatch("out", got=got, expected=f"a folder: {nearest} is not writable or no folder"))
    if resume and not (out / LAST).is_file():
        raise InputError(mismatch(out / LAST, got="no such file", expected="the checkpoint of a training to resume"))
    if not resume and (out / LAST).exists():
        got = f"{out}, which holds a training"
        raise InputError(mismatch("out", got=got, expected="another folder, or --resume to continue that training"))


def check_same_config(earlier: TrainingConfig, config: TrainingConfig, checkpoint: Path) -> None:
    """Checks that a training is resumed with the config of its checkpoint.

    Raises:
        InputError: Names the first key with another value.
    """
    before, now = (_values(each.model_dump(mode="json")) for each in (earlier, config))
    for values, each in ((before, earlier), (now, config)):
        values["data.regions"] = list(each.data.regions or ())  # their order is that of the network's channels
    for key in sorted(before.keys() | now.keys()):
        is_free = any(f"{key}.".startswith(f"{free}.") for free in FREE_TO_CHANGE)
        if before.get(key) != now.get(key) and not is_free:
            free = f"to resume, only {', '.join(FREE_TO_CHANGE)} may differ"
            expected = f"{show(before.get(key))} as in {checkpoint}: {free}"
            raise InputError(mismatch(key, got=show(now.get(key)), expected=expected))


def is_finished(config: TrainingConfig) -> bool:
    """Returns whether the training of a config is done: to its last epoch, or to its early stop."""
    if not (config.out / LAST).is_file() or not (config.out / BEST).is_file():
        return False
    history = Checkpoint.load(config.out / LAST).history
    return len(history) >= config.epochs or has_stalled(config, history)


def has_stalled(config: TrainingConfig, history: Sequence[Row]) -> bool:
    """Returns whether so many validations were not better than an earlier one that the training ends."""
    stopping = config.early_stopping
    return stopping is not None and validations_since_best(history, config.validation.best) >= stopping.patience


def _values(value: Any, path: str = "") -> dict[str, Any]:
    """Lists the values of a config by their key paths, as overrides write them."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None:
        return {path.lstrip("."): value}
    return {key: leaf for name, item in items for key, leaf in _values(item, f"{path}.{name}").items()}
