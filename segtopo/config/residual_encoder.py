"""The residual encoder U-Net of nnU-Net, with the outputs of one network of ours. It needs the extra ``nnunet``."""

from __future__ import annotations

from collections.abc import Sequence

from dynamic_network_architectures.architectures.unet import ResidualEncoderUNet
from dynamic_network_architectures.building_blocks.helper import (
    convert_dim_to_conv_op,
    get_matching_batchnorm,
    get_matching_instancenorm,
)
from torch import nn


class FinestInEvaluation(ResidualEncoderUNet):  # type: ignore[misc]  # the package has no type information
    """A residual encoder U-Net that returns all its outputs in training, the finest first, and one in evaluation."""

    deep_supervision = False

    def train(self, mode: bool = True) -> FinestInEvaluation:
        """Chooses between training and evaluation."""
        self.decoder.deep_supervision = mode and self.deep_supervision
        super().train(mode)
        return self


def build_residual_encoder_unet(
    *,
    spatial_dims: int,
    in_channels: int,
    out_channels: int,
    channels: Sequence[int],
    kernels: Sequence[Sequence[int]],
    strides: Sequence[Sequence[int]],
    blocks: Sequence[int],
    norm: str,
    deep_supervision: bool,
) -> nn.Module:
    """Builds the network as nnU-Net does, with its names of the weights and its random weights.

    Args:
        spatial_dims: Number of spatial axes.
        in_channels: Number of channels of the images.
        out_channels: Number of channels of the outputs.
        channels: Number of channels at each level.
        kernels: Kernel at each level, one number per axis.
        strides: Stride before each level, one number per axis.
        blocks: Number of residual blocks at each level of the encoder; the decoder has one convolution at each.
        norm: ``instance`` or ``batch``.
        deep_supervision: Whether the outputs of all levels are returned in training.
    """
    convolution = convert_dim_to_conv_op(spatial_dims)
    matching = get_matching_instancenorm if norm == "instance" else get_matching_batchnorm
    network = FinestInEvaluation(
        input_channels=in_channels,
        n_stages=len(channels),
        features_per_stage=list(channels),
        conv_op=convolution,
        kernel_sizes=[list(kernel) for kernel in kernels],
        strides=[list(stride) for stride in strides],
        n_blocks_per_stage=list(blocks),
        num_classes=out_channels,
        n_conv_per_stage_decoder=[1] * (len(channels) - 1),
        conv_bias=True,
        norm_op=matching(convolution),
        norm_op_kwargs={"eps": 1e-5, "affine": True},
        nonlin=nn.LeakyReLU,
        nonlin_kwargs={"inplace": True},
    )
    network.apply(ResidualEncoderUNet.initialize)
    network.deep_supervision = deep_supervision
    if not deep_supervision:
        # The package makes an output at each level. Weights without a gradient would stop distributed training.
        for output in network.decoder.seg_layers[:-1]:
            output.requires_grad_(False)
    network.train()
    return network
