"""The networks that a config can choose, with MONAI's names of their parameters.

The output of a network is one channel of logits per class, background included. A binary problem has two classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from segtopo.config.deep_networks import DynUNet, ResidualEncoderUNet, SegResNetDS
from segtopo.config.network_levels import LEVELS, BlockNetwork, Blocks, NetworkSection, Normalization, StridedNetwork
from segtopo.config.section import Probability

if TYPE_CHECKING:
    pass

#: Attention heads of the four stages of Swin UNETR.
ATTENTION_HEADS = (3, 6, 12, 24)


class UNet(StridedNetwork):
    """``monai.networks.nets.UNet``: residual units, strided convolutions down, transposed convolutions up."""

    name: Literal["UNet"]
    num_res_units: Annotated[int, Field(ge=0, le=64)] = 2
    norm: Normalization = "instance"
    dropout: Probability = 0.0

    def options(self, dimensions: int) -> dict[str, Any]:
        """Returns the arguments of ``target`` beside the numbers of axes and channels, as plain data."""
        return {
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

    def options(self, dimensions: int) -> dict[str, Any]:
        """Returns the arguments of ``target`` beside the numbers of axes and channels, as plain data."""
        return {
            "channels": self.channels,
            "strides": self.steps,
            "dropout": self.dropout,
        }


class SegResNet(BlockNetwork):
    """``monai.networks.nets.SegResNet`` (Myronenko 2018, without the autoencoder branch)."""

    name: Literal["SegResNet"]
    init_filters: Annotated[int, Field(ge=8, le=256, multiple_of=8)] = 16
    dropout: Probability = 0.0

    def reduction(self, dimensions: int) -> tuple[int, ...]:
        """Returns the factor per axis by which the deepest level is smaller than the input."""
        return (2 ** (len(self.blocks_down) - 1),) * dimensions

    def options(self, dimensions: int) -> dict[str, Any]:
        """Returns the arguments of ``target`` beside the numbers of axes and channels, as plain data."""
        return {
            "init_filters": self.init_filters,
            "blocks_down": self.blocks_down,
            "blocks_up": self.blocks_up or (1,) * (len(self.blocks_down) - 1),
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

    def options(self, dimensions: int) -> dict[str, Any]:
        """Returns the arguments of ``target`` beside the numbers of axes and channels, as plain data."""
        return {
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
