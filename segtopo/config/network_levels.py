"""The keys that networks of a config share: the levels with their channels, strides and kernels."""

from __future__ import annotations

from abc import abstractmethod
from importlib import import_module
from math import prod
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from segtopo.config.section import KernelSize, Section
from segtopo.errors import mismatch

if TYPE_CHECKING:
    from torch import nn
    from typing_extensions import Self

Normalization = Literal["instance", "batch"]
LEVELS = Field(min_length=2, max_length=16)
Width = Annotated[int, Field(ge=1, le=4096)]
Stride = Annotated[int, Field(ge=1, le=16)]
Blocks = Annotated[int, Field(ge=1, le=64)]


def per_axis(value: int | tuple[int, ...], dimensions: int) -> tuple[int, ...]:
    """Returns a value for each axis of one that may be a single number for all axes.

    Example:
        >>> per_axis(2, dimensions=3), per_axis((1, 2, 2), dimensions=3)
        ((2, 2, 2), (1, 2, 2))
    """
    return (value,) * dimensions if isinstance(value, int) else value


def check_axes(key: str, value: int | tuple[int, ...], dimensions: int) -> None:
    """Checks a value that is one number for all axes or one per axis, as for anisotropic volumes.

    Raises:
        ValueError: There is another number of values than axes.
    """
    if len(per_axis(value, dimensions)) != dimensions:
        got = list(per_axis(value, dimensions))
        raise ValueError(mismatch(key, got=got, expected=f"one number or {dimensions} (as patch_size)"))


class NetworkSection(Section):
    """A network by the name of its class in ``monai.networks.nets``."""

    name: str

    @property
    def target(self) -> str:
        """The full name of the class or function that builds the network."""
        return f"monai.networks.nets.{self.name}"

    def check(self, dimensions: int) -> None:
        """Checks the values per axis against the number of axes.

        Raises:
            ValueError: The message begins with the key below ``network``.
        """

    @abstractmethod
    def reduction(self, dimensions: int) -> tuple[int, ...]:
        """Returns the factor per axis by which the deepest level is smaller than the input."""

    @abstractmethod
    def options(self, dimensions: int) -> dict[str, Any]:
        """Returns the arguments of ``target`` beside the numbers of axes and channels, as plain data."""

    def arguments(self, dimensions: int, in_channels: int, classes: int) -> dict[str, Any]:
        """Returns all arguments of ``target``, as plain data."""
        numbers = {"spatial_dims": dimensions, "in_channels": in_channels, "out_channels": classes}
        return {**numbers, **self.options(dimensions)}

    def build(self, dimensions: int, in_channels: int, classes: int) -> nn.Module:
        """Builds the network, with random weights."""
        module, _, name = self.target.rpartition(".")
        network: nn.Module = getattr(import_module(module), name)(**self.arguments(dimensions, in_channels, classes))
        return network


class BlockNetwork(NetworkSection):
    """A network with ``blocks_down`` blocks at each level of the encoder and ``blocks_up`` at each of the decoder.

    Without ``blocks_up`` the decoder has one block at each level.
    """

    blocks_down: Annotated[tuple[Blocks, ...], Field(min_length=2, max_length=8)] = (1, 2, 2, 4)
    blocks_up: tuple[Blocks, ...] | None = None

    @model_validator(mode="after")
    def _check_blocks(self) -> Self:
        if self.blocks_up is not None and len(self.blocks_up) != len(self.blocks_down) - 1:
            got = f"{len(self.blocks_up)} levels for {len(self.blocks_down)} of blocks_down"
            raise ValueError(mismatch("blocks_up", got=got, expected=f"one less ({len(self.blocks_down) - 1})"))
        return self


class StridedNetwork(NetworkSection):
    """A network with ``channels`` channels at each level and ``strides`` between the levels."""

    channels: Annotated[tuple[Width, ...], LEVELS] = (16, 32, 64, 128)
    strides: tuple[Stride | tuple[Stride, ...], ...] | None = None

    @property
    def steps(self) -> tuple[int | tuple[int, ...], ...]:
        """The stride between each two levels, by default 2."""
        return self.strides if self.strides is not None else (2,) * (len(self.channels) - 1)

    @model_validator(mode="after")
    def _check_strides(self) -> Self:
        if len(self.steps) != len(self.channels) - 1:
            got = f"{len(self.steps)} strides for {len(self.channels)} channels"
            expected = f"one stride between each two levels ({len(self.channels) - 1})"
            raise ValueError(mismatch("strides", got=got, expected=expected))
        return self

    def check(self, dimensions: int) -> None:
        """Checks the values per axis against the number of axes.

        Raises:
            ValueError: The message begins with the key below ``network``.
        """
        super().check(dimensions)
        for index, step in enumerate(self.steps):
            check_axes(f"strides[{index}]", step, dimensions)

    def reduction(self, dimensions: int) -> tuple[int, ...]:
        """Returns the factor per axis by which the deepest level is smaller than the input."""
        steps = [per_axis(step, dimensions) for step in self.steps]
        return tuple(prod(step[axis] for step in steps) for axis in range(dimensions))


class KernelNetwork(StridedNetwork):
    """A network whose kernels may differ between axes and levels, as in nnU-Net's plans.

    ``kernel_size`` is one number, one per axis as ``[1, 3, 3]``, or a list with one per axis for each level.
    """

    kernel_size: KernelSize | tuple[KernelSize, ...] | tuple[tuple[KernelSize, ...], ...] = 3

    def kernels(self, dimensions: int) -> list[tuple[int, ...]]:
        """Returns the kernel of each level, one number per axis."""
        size = self.kernel_size
        if isinstance(size, tuple) and size and isinstance(size[0], tuple):
            return [per_axis(kernel, dimensions) for kernel in size]
        return [per_axis(size, dimensions)] * len(self.channels)  # type: ignore[arg-type]  # mypy does not narrow it

    def check(self, dimensions: int) -> None:
        """Checks the values per axis and level against the number of axes and levels.

        Raises:
            ValueError: The message begins with the key below ``network``.
        """
        super().check(dimensions)
        kernels = self.kernels(dimensions)
        if len(kernels) != len(self.channels):
            expected = f"one for all levels, or one for each level ({len(self.channels)})"
            raise ValueError(mismatch("kernel_size", got=f"{len(kernels)} kernels", expected=expected))
        for kernel in kernels:
            check_axes("kernel_size", kernel, dimensions)
