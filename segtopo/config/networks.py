"""The networks that a config can choose, with MONAI's names of their parameters.

The output of a network is one channel of logits per class, background included. A binary problem has two classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from segtopo.config.deep_networks import DynUNet, ResidualEncoderUNet, SegResNetDS
from segtopo.config.network_levels import LEVELS, Blocks, NetworkSection, Normalization, StridedNetwork
from segtopo.config.section import Probability
from segtopo.errors import mismatch

if TYPE_CHECKING:
    from typing_extensions import Self

#: Attention heads of the four stages of Swin UNETR.
ATTENTION_HEADS = (3, 6, 12, 24)


class UNet(StridedNetwork):
    """``monai.networks.nets.UNet``: residual units, strided convolutions down, transposed convolutions up."""

    name: Literal["UNet"]
    num_res_units: Annotated[int, Field(ge=0, le=64)] = 2
    norm: Normalization = "instance"
    dropout: Probability = 0.0

    def arguments(self, dimensions: int, in_channels: int, classes: int) -> dict[str, Any]:
        """Returns the arguments of ``target``, as plain data."""
        return {
            "spatial_dims": dimensions,
            "in_channels": in_channels,
            "out_channels": classes,
            "channels": self.channels,
            "strides": self.steps,
            "num_res_units": self.num_res_units,
            "norm": self.norm,
            "dropout": self.dropout,
        }


class AttentionUnet(StridedNetwork):
    """``monai.networks.nets.AttentionUnet`` (Oktay et al. 2018)."""

    name: Literal["AttentionUnet"]
    #: The attention halves the channels.
    channels: Annotated[tuple[Annotated[int, Field(ge=2, le=4096)], ...], LEVELS] = (16, 32, 64, 128)
    dropout: Probability = 0.0

    def arguments(self, dimensions: int, in_channels: int, classes: int) -> dict[str, Any]:
        """Returns the arguments of ``target``, as plain data."""
        return {
            "spatial_dims": dimensions,
            "in_channels": in_channels,
            "out_channels": classes,
            "channels": self.channels,
            "strides": self.steps,
            "dropout": self.dropout,
        }


class SegResNet(NetworkSection):
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

    def reduction(self, dimensions: int) -> tuple[int, ...]:
        """Returns the factor per axis by which the deepest level is smaller than the input."""
        return (2 ** (len(self.blocks_down) - 1),) * dimensions

    def arguments(self, dimensions: int, in_channels: int, classes: int) -> dict[str, Any]:
        """Returns the arguments of ``target``, as plain data."""
        return {
            "spatial_dims": dimensions,
            "in_channels": in_channels,
            "out_channels": classes,
            "init_filters": self.init_filters,
            "blocks_down": self.blocks_down,
            "blocks_up": self.blocks_up,
            "dropout_prob": self.dropout or None,
        }


class SwinUNETR(NetworkSection):
    """``monai.networks.nets.SwinUNETR`` (Hatamizadeh et al. 2022), with a transformer of shifted windows."""

    name: Literal["SwinUNETR"]
    feature_size: Annotated[int, Field(ge=12, le=384, multiple_of=12)] = 24
    depths: tuple[Blocks, Blocks, Blocks, Blocks] = (2, 2, 2, 2)
    window_size: Annotated[int, Field(ge=2, le=64)] = 7
    dropout: Probability = 0.0

    def reduction(self, dimensions: int) -> tuple[int, ...]:
        """Returns the factor per axis by which the deepest level is smaller than the input."""
        return (32,) * dimensions

    def arguments(self, dimensions: int, in_channels: int, classes: int) -> dict[str, Any]:
        """Returns the arguments of ``target``, as plain data."""
        return {
            "spatial_dims": dimensions,
            "in_channels": in_channels,
            "out_channels": classes,
            "feature_size": self.feature_size,
            "depths": self.depths,
            "num_heads": ATTENTION_HEADS,
            "window_size": self.window_size,
            "drop_rate": self.dropout,
        }


Network = Annotated[
    UNet | AttentionUnet | DynUNet | ResidualEncoderUNet | SegResNet | SegResNetDS | SwinUNETR,
    Field(discriminator="name"),
]
