"""The sections of a training's config, and the checks that concern several of them.

Paths in a config are relative to the current directory, like paths on the command line.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from segtopo.config.data import DataConfig
from segtopo.config.losses import LossConfig
from segtopo.config.networks import Network
from segtopo.config.optimizers import OptimizerConfig, Schedule
from segtopo.config.section import (
    ConfigPath,
    Device,
    Fraction,
    PositiveInt,
    Probability,
    Section,
    Seed,
)
from segtopo.config.transforms import RandBreakVessels, Transform
from segtopo.errors import mismatch
from segtopo.losses import DeepSupervisionLoss

if TYPE_CHECKING:
    from torch import nn
    from typing_extensions import Self

#: 16384^2, or twice 512^3: a network's activations for a larger patch fit into the memory of no machine.
MOST_VOXELS = 2**28


class ValidationConfig(Section):
    """Sliding windows over the whole validation images, every ``interval`` epochs and after the last.

    ``best`` is the score that decides which weights are kept in ``best.pt``. With ``repair`` the masks are also scored
    after a repair with the default rules. At the end of the training, repair rules are calibrated on the validation
    cases, and ``best.pt`` keeps them for ``segtopo predict --repair``.
    """

    interval: PositiveInt = 1
    overlap: Fraction = 0.25
    best: Literal["dice", "betti_error", "repaired_dice", "repaired_betti_error"] = "dice"
    repair: bool = False

    @model_validator(mode="after")
    def _check_best(self) -> Self:
        if self.best.startswith("repaired") and not self.repair:
            raise ValueError(mismatch("best", got=self.best, expected="repair: true beside it"))
        return self


class EarlyStopping(Section):
    """A training ends when ``patience`` validations in succession have not improved the score ``validation.best``."""

    patience: PositiveInt


class TrainingConfig(Section):
    """The config of a training.

    An iteration is one step of the optimiser, with the mean gradient of ``accumulate`` batches of ``batch_size``
    patches. Several processes share each batch. ``ema`` is the decay of an exponential moving average of the weights;
    the averaged weights are validated and predict. ``precision`` is that of the network in the training; validation and
    prediction use float32, because rounded probabilities break thin structures and change the repair. ``cache`` is the
    folder of the prepared cases, by default ``cache`` in ``out``; trainings may share it.
    """

    out: ConfigPath
    cache: ConfigPath | None = None
    data: DataConfig
    transforms: tuple[Transform, ...] = ()
    network: Network
    loss: LossConfig
    optimizer: OptimizerConfig
    schedule: Schedule
    patch_size: Annotated[tuple[PositiveInt, ...], Field(min_length=2, max_length=3)]
    foreground_fraction: Probability = 0.5
    batch_size: Annotated[int, Field(ge=1, le=4096)]
    epochs: PositiveInt
    iterations_per_epoch: PositiveInt
    validation: ValidationConfig = ValidationConfig()
    seed: Seed = 0
    device: Device = "auto"
    accumulate: Annotated[int, Field(ge=1, le=4096)] = 1
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    ema: Annotated[float, Field(gt=0, lt=1)] | None = None
    early_stopping: EarlyStopping | None = None
    trackers: tuple[Literal["tensorboard", "wandb", "mlflow"], ...] = ("tensorboard",)
    workers: Annotated[int, Field(ge=0, le=256)] = 0
    initialize_from: ConfigPath | None = None

    @property
    def cache_folder(self) -> Path:
        """The folder of the prepared cases."""
        return self.out / "cache" if self.cache is None else self.cache

    @property
    def dimensions(self) -> int:
        """The number of axes of a patch, 2 or 3."""
        return len(self.patch_size)

    @property
    def patches_per_iteration(self) -> int:
        """The number of patches of one step of the optimiser, over all processes."""
        return self.batch_size * self.accumulate

    def build_loss(self) -> nn.Module:
        """Builds the loss, for all outputs of a network with deep supervision."""
        channels = self.data.output_channels
        loss = self.loss.build(channels.ignore_index, channels.has_regions)
        return DeepSupervisionLoss(loss) if getattr(self.network, "deep_supervision", False) else loss

    @model_validator(mode="after")
    def _check_parts(self) -> Self:
        spacing = self.data.spacing
        if not isinstance(spacing, str) and len(spacing) != self.dimensions:
            expected = f"{self.dimensions} numbers (as patch_size)"
            raise ValueError(mismatch("data.spacing", got=list(spacing), expected=expected))
        with _key("network"):
            self.network.check(self.dimensions)
        with _key("loss"):
            self.loss.check(self.dimensions, self.data.output_channels)
        for index, transform in enumerate(self.transforms):
            with _key(f"transforms[{index}]"):
                transform.check(self.patch_size)
                if self.data.regions is not None and isinstance(transform, RandBreakVessels):
                    expected = "another transform: it breaks structures that exclude each other, not regions"
                    raise ValueError(mismatch("name", got=transform.name, expected=expected))
        return self

    @model_validator(mode="after")
    def _check_patch_size(self) -> Self:
        patch, factors = self.patch_size, self.network.reduction(self.dimensions)
        expected = None
        if prod(patch) > MOST_VOXELS:
            expected = f"at most {MOST_VOXELS} voxels"
        elif any(size % factor for size, factor in zip(patch, factors, strict=True)):
            expected = f"multiples of {list(factors)} (the strides of network {self.network.name} multiplied)"
        elif patch == factors:
            # Instance and batch normalisation need more than one value.
            expected = f"more than {list(factors)}: the deepest level of network {self.network.name} is a single voxel"
        if expected is not None:
            raise ValueError(mismatch("patch_size", got=list(patch), expected=expected))
        return self

    @model_validator(mode="after")
    def _check_early_stopping(self) -> Self:
        if self.early_stopping is not None and self.data.validation is None and self.data.split is None:
            expected = "no value, or validation cases (data.validation or data.split)"
            raise ValueError(mismatch("early_stopping", got="a value without validation cases", expected=expected))
        return self


@contextmanager
def _key(name: str) -> Iterator[None]:
    """Adds the key of a section to the errors of its check, which name the keys below it."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{name}.{error}") from None
