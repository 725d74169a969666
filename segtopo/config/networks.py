"""The networks a config can name, each with its parameters (MONAI's names) and how it is built.

A network for ``classes`` labels has ``classes`` output channels, background included, and its output are logits: binary
problems are the case of two classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from segtopo.config.section import PositiveInt, Probability, Section

if TYPE_CHECKING:
    from torch import nn
    from typing_extensions import Self

Normalization = Literal["instance", "batch"]
#: One number for all axes, or one per axis (anisotropic volumes).
PerAxis = PositiveInt | tuple[PositiveInt, ...]
Widths = Annotated[tuple[PositiveInt, ...], Field(min_length=2)]


def _per_axis(value: int | tuple[int, ...], dimensions: int) -> tuple[int, ...]:
    return (value,) * dimensions if isinstance(value, int) else value


class _Strided(Section):
    """A network whose levels are ``channels`` wide and ``strides`` apart."""

    channels: Widths = (16, 32, 64, 128)
    strides: tuple[PerAxis, ...] | None = None

    @property
    def steps(self) -> tuple[int | tuple[int, ...], ...]:
        """The stride between each two levels, 2 where the config gives none."""
        return self.strides if self.strides is not None else (2,) * (len(self.channels) - 1)

    @model_validator(mode="after")
    def _check_strides(self) -> Self:
        if len(self.steps) != len(self.channels) - 1:
            raise ValueError(
                f"received {len(self.steps)} strides for {len(self.channels)} channels, "
                f"expected one stride between each two levels ({len(self.channels) - 1})"
            )
        return self

    def reduction(self, dimensions: int) -> tuple[int, ...]:
        """By how much the deepest level is smaller than the input, per axis."""
        factors = [1] * dimensions
        for step in self.steps:
            per_axis = _per_axis(step, dimensions)
            if len(per_axis) != dimensions:
                raise ValueError(
                    f"network.strides: received {list(per_axis)}, expected one number or {dimensions} (as patch_size)"
                )
            factors = [factor * axis for factor, axis in zip(factors, per_axis, strict=True)]
        return tuple(factors)


class UNet(_Strided):
    """``monai.networks.nets.UNet``: residual units, strided convolutions down, transposed convolutions up."""

    name: Literal["UNet"]
    num_res_units: Annotated[int, Field(ge=0)] = 2
    norm: Normalization = "instance"
    dropout: Probability = 0.0

    def build(self, dimensions: int, in_channels: int, classes: int) -> nn.Module:
        """The network with fresh weights."""
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
    dropout: Probability = 0.0

    def build(self, dimensions: int, in_channels: int, classes: int) -> nn.Module:
        """The network with fresh weights."""
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
    kernel_size: PerAxis = 3
    res_block: bool = False
    norm: Normalization = "instance"

    def build(self, dimensions: int, in_channels: int, classes: int) -> nn.Module:
        """The network with fresh weights."""
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
    init_filters: Annotated[int, Field(gt=0, multiple_of=8)] = 16
    blocks_down: Widths = (1, 2, 2, 4)
    blocks_up: tuple[PositiveInt, ...] = (1, 1, 1)
    dropout: Probability = 0.0

    @model_validator(mode="after")
    def _check_blocks(self) -> Self:
        if len(self.blocks_up) != len(self.blocks_down) - 1:
            raise ValueError(
                f"received {len(self.blocks_up)} blocks_up for {len(self.blocks_down)} blocks_down, "
                f"expected one less ({len(self.blocks_down) - 1})"
            )
        return self

    def reduction(self, dimensions: int) -> tuple[int, ...]:
        """By how much the deepest level is smaller than the input, per axis."""
        return (2 ** (len(self.blocks_down) - 1),) * dimensions

    def build(self, dimensions: int, in_channels: int, classes: int) -> nn.Module:
        """The network with fresh weights."""
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
