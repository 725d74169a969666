"""The spacing of a training: ``auto`` becomes numbers, and mixed spacings are said."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from segtopo.config import TrainingConfig
from segtopo.inference.grids import TrainingGrid
from segtopo.inference.target_spacing import describe_spacings, target_spacing
from segtopo.training.case_cache import CachedCase
from segtopo.training.case_sources import TrainingCase
from segtopo.volumes import read_volume


def resolve_spacing(
    config: TrainingConfig, cases: Sequence[TrainingCase], before_case: Callable[[], None] = lambda: None
) -> TrainingConfig:
    """Returns the config with numbers in the place of ``data.spacing: auto``, from the training cases.

    Args:
        config: The config.
        cases: The training cases.
        before_case: Called before each case is read. An exception that it raises ends the reading.

    Raises:
        InputError: An image cannot be read, or has another number of axes than ``patch_size``.
    """
    if config.data.spacing != "auto":
        return config
    grids = []
    for case in cases:
        before_case()
        grids.append(TrainingGrid.of(read_volume(case.images[0]), "native", config.dimensions, str(case.images[0])))
    spacing = target_spacing([grid.image_spacing for grid in grids], [grid.shape for grid in grids])
    return with_spacing(config, spacing)


def resumed_spacing(config: TrainingConfig, earlier: TrainingConfig) -> TrainingConfig:
    """Returns the config of a resumed training with the numbers that ``auto`` became when it began."""
    return with_spacing(config, earlier.data.spacing) if config.data.spacing == "auto" else config


def with_spacing(config: TrainingConfig, spacing: object) -> TrainingConfig:
    """Returns the config with another ``data.spacing``."""
    return config.model_copy(update={"data": config.data.model_copy(update={"spacing": spacing})})


def describe_grids(config: TrainingConfig, cases: Sequence[CachedCase]) -> str | None:
    """Says that images of different spacings are trained together, or to which spacing they are resampled."""
    mixed = describe_spacings([case.grid.image_spacing for case in cases])
    if config.data.spacing == "native":
        hint = "data.spacing: auto resamples them to their median"
        return mixed and f"the spacings of the images differ ({mixed}) and are trained as they are; {hint}"
    spacing = " x ".join(f"{length:.4g}" for length in config.data.spacing)
    return f"images are resampled to {spacing} mm" + (f", from {mixed}" if mixed else "")
