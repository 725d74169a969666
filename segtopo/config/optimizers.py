"""The optimisers and learning rate schedules that a config can choose."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from math import cos, pi
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from segtopo.config.section import Fraction, NonNegative, NonNegativeInt, Positive, Section

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer


class _Optimizer(Section):
    """An optimiser. A gradient whose norm over all weights is larger than ``clip_norm`` is scaled to this norm."""

    clip_norm: Positive | None = None


class AdamW(_Optimizer):
    """``torch.optim.AdamW``."""

    name: Literal["AdamW"]
    lr: Positive = 1e-3
    weight_decay: NonNegative = 1e-2
    betas: tuple[Fraction, Fraction] = (0.9, 0.999)

    def build(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        """Builds the optimiser of these parameters."""
        from torch import optim

        return optim.AdamW(parameters, lr=self.lr, weight_decay=self.weight_decay, betas=self.betas)


class Adam(_Optimizer):
    """``torch.optim.Adam``."""

    name: Literal["Adam"]
    lr: Positive = 1e-3
    weight_decay: NonNegative = 0.0
    betas: tuple[Fraction, Fraction] = (0.9, 0.999)

    def build(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        """Builds the optimiser of these parameters."""
        from torch import optim

        return optim.Adam(parameters, lr=self.lr, weight_decay=self.weight_decay, betas=self.betas)


class SGD(_Optimizer):
    """``torch.optim.SGD``."""

    name: Literal["SGD"]
    lr: Positive = 1e-2
    momentum: Fraction = 0.99
    nesterov: bool = True
    weight_decay: NonNegative = 3e-5

    def build(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        """Builds the optimiser of these parameters."""
        from torch import optim

        return optim.SGD(
            parameters,
            lr=self.lr,
            momentum=self.momentum,
            nesterov=self.nesterov and self.momentum > 0,
            weight_decay=self.weight_decay,
        )


class _Schedule(Section):
    """The learning rate as a factor of the optimiser's ``lr``. It rises linearly over the warm-up epochs."""

    warmup_epochs: NonNegativeInt = 0

    @abstractmethod
    def decay(self, progress: float) -> float:
        """Returns the factor after the warm-up, for a progress from 0 to 1."""

    def factor(self, iteration: int, epoch_length: int, epochs: int) -> float:
        """Returns the factor of an iteration, counted from 0 over all epochs.

        It depends on no earlier iteration, so that a checkpoint holds no state of the schedule.
        """
        warmup = self.warmup_epochs * epoch_length
        if iteration < warmup:
            return (iteration + 1) / (warmup + 1)
        # A training that is resumed with fewer epochs may be past its last iteration.
        return self.decay(min((iteration - warmup) / max(epochs * epoch_length - warmup, 1), 1.0))


class Constant(_Schedule):
    """A constant learning rate."""

    name: Literal["Constant"]

    def decay(self, progress: float) -> float:
        """Returns the factor after the warm-up, for a progress from 0 to 1."""
        return 1.0


class Cosine(_Schedule):
    """Half a cosine wave, from 1 to 0."""

    name: Literal["Cosine"]

    def decay(self, progress: float) -> float:
        """Returns the factor after the warm-up, for a progress from 0 to 1."""
        return (1 + cos(pi * progress)) / 2


class Poly(_Schedule):
    """``(1 - progress) ** power``, as in nnU-Net."""

    name: Literal["Poly"]
    power: Positive = 0.9

    def decay(self, progress: float) -> float:
        """Returns the factor after the warm-up, for a progress from 0 to 1."""
        return float((1 - progress) ** self.power)


OptimizerConfig = Annotated[AdamW | Adam | SGD, Field(discriminator="name")]
Schedule = Annotated[Constant | Cosine | Poly, Field(discriminator="name")]
