"""The networks that a config can choose, with MONAI's names of their parameters.

The output of a network is one channel of logits per class, background included. A binary problem has two classes.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from segtopo.config.section import KernelSize, Probability, Section
from segtopo.errors import mismatch

if TYPE_CHECKING:
    from torch import nn
    from typing_extensions import Self

Normalization = Literal["instance", "batch"]
LEVELS = Field(min_length=2, max_length=16)
Width = Annotated[int, Field(ge=1, le=4096)]
Stride = Annotated[int, Field(ge=1, le=16)]
Blocks = Annotated[int, Field(ge=1, le=64)]


def _per_axis(value: int | tuple[int, ...], dimensions: int) -> tuple[int, ...]:
    return (value,) * dimensions if isinstance(value, int) else value


def _check_axes(key: str, value: int | tuple[int, ...], dimensions: int) -> None:
    """Checks a value that is one number for all axes or one per axis, as for anisotropic volumes."""
    if len(_per_axis(value, dimensions)) != dimensions:
        got = list(_per_axis(value, dimensions))
        raise ValueError(mismatch(key, got=got, expected=f"one number or {dimensions} (as patch_size)"))


class _Strided(Section):
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
        for index, step in enumerate(self.steps):
            _check_axes(f"strides[{index}]", step, dimensions)

    def reduction(self, dimensions: int) -> tuple[int, ...]:
        """Returns the factor per axis by which the deepest level is smaller than the input."""
        steps = [_per_axis(step, dimensions) for step in self.steps]
        return tuple(prod(step[axis] for step in steps) for axis in range(dimensions))


class UNet(_Strided):
    """``monai.networks.nets.UNet``: residual units, strided convolutions down, transposed convolutions up."""

    name: Literal["UNet"]
    num_res_units: Annotated[int, Field(ge=0, le=64)] = 2
    norm: Normalization = "instance"
    dropout: Probability = 0.0

    def build(self, dimensions: int, in_channels: int, classes: int) -> nn.Module:
        """Builds the network, with random weights."""
        from monai.networks import nets

        network: nn.Module = nets.UNet(
            spatial_dims=dimensions,
            in_channels=in_channels,
            out_channels=classes,
            channels=self.channels,
            strides=self.steps,
            num_res_units=self.num_res_units,
            norm=self.norm,
            dropout=self.dropout,
        )
        return network


class AttentionUnet(_Strided):
    """``monai.networks.nets.AttentionUnet`` (Oktay et al. 2018)."""

    name: Literal["AttentionUnet"]
    #: The attention halves the channels.
    channels: Annotated[tuple[Annotated[int, Field(ge=2, le=4096)], ...], LEVELS] = (16, 32, 64, 128)
    dropout: Probability = 0.0

    def build(self, dimensions: int, in_channels: int, classes: int) -> nn.Module:
        """Builds the network, with random weights."""
        from monai.networks import nets

        network: nn.Module = nets.AttentionUnet(
            spatial_dims=dimensions,
            in_channels=in_channels,
            out_channels=classes,
            channels=self.channels,
            strides=self.steps,
            dropout=self.dropout,
        )
        return network


class DynUNet(_Strided):
    """``monai.networks.nets.DynUNet``: the network of nnU-Net, without deep supervision."""

    name: Literal["DynUNet"]
    channels: Annotated[tuple[Width, ...], Field(min_length=3, max_length=16)] = (16, 32, 64, 128)
    kernel_size: KernelSize | tuple[KernelSize, ...] = 3
    res_block: bool = False
    norm: Normalization = "instance"

    def check(self, dimensions: int) -> None:
        """Checks the values per axis against the number of axes, and the strides against the kernel.

        Raises:
            ValueError: The message begins with the key below ``network``.
        """
        super().check(dimensions)
        _check_axes("kernel_size", self.kernel_size, dimensions)
        kernel = _per_axis(self.kernel_size, dimensions)
        for index, step in enumerate(self.steps):
            strides = _per_axis(step, dimensions)
            if any(stride > size + 1 for stride, size in zip(strides, kernel, strict=True)):
                expected = f"at most one more than kernel_size {list(kernel)}"
                raise ValueError(mismatch(f"strides[{index}]", got=list(strides), expected=expected))

    def build(self, dimensions: int, in_channels: int, classes: int) -> nn.Module:
        """Builds the network, with random weights."""
        from monai.networks import nets

        steps = [_per_axis(step, dimensions) for step in self.steps]
        network: nn.Module = nets.DynUNet(
            spatial_dims=dimensions,
            in_channels=in_channels,
            out_channels=classes,
            kernel_size=[_per_axis(self.kernel_size, dimensions)] * len(self.channels),
            strides=[(1,) * dimensions, *steps],
            upsample_kernel_size=steps,
            filters=list(self.channels),
            norm_name=(self.norm, {"affine": True}),
            res_block=self.res_block,
            deep_supervision=False,
        )
        return network


class SegResNet(Section):
    """``monai.networks.nets.SegResNet`` (Myronenko 2018, without the autoencoder branch)."""

    name: Literal["SegResNet"]
    init_filters: Annotated[int, Field(ge=8, le=256, multiple_of=8)] = 16
    blocks_down: Annotated[tuple[Blocks, ...], Field(min_length=2, max_length=8)] = (1, 2, 2, 4)
    blocks_up: tuple[Blocks, ...] = (1, 1, 1)
    dropout: Probability = 0.0

    @model_validator(mode="after")
    def _check_blocks(self) -> Self:
        if len(self.blocks_up) != len(self.blocks_down) - 1:
            got = f"{len(self.blocks_up)} levels for {len(self.blocks_down)} of blocks_down"
            raise ValueError(mismatch("blocks_up", got=got, expected=f"one less ({len(self.blocks_down) - 1})"))
        return self

    def check(self, dimensions: int) -> None:
        """Accepts any number of axes: no value is given per axis."""

    def reduction(self, dimensions: int) -> tuple[int, ...]:
        """Returns the factor per axis by which the deepest level is smaller than the input."""
        return (2 ** (len(self.blocks_down) - 1),) * dimensions

    def build(self, dimensions: int, in_channels: int, classes: int) -> nn.Module:
        """Builds the network, with random weights."""
        from monai.networks import nets

        network: nn.Module = nets.SegResNet(
            spatial_dims=dimensions,
            in_channels=in_channels,
            out_channels=classes,
            init_filters=self.init_filters,
            blocks_down=self.blocks_down,
            blocks_up=self.blocks_up,
            dropout_prob=self.dropout or None,
        )
        return network


Network = Annotated[UNet | DynUNet | SegResNet | AttentionUnet, Field(discriminator="name")]
