"""Networks with outputs at several resolutions: all of them are trained, the finest one predicts."""

from __future__ import annotations

from importlib.util import find_spec
from math import prod
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from segtopo.config.network_levels import BlockNetwork, Blocks, KernelNetwork, Normalization, Width, per_axis
from segtopo.errors import mismatch

if TYPE_CHECKING:
    pass

#: The size of a voxel in any unit.
VoxelSize = Annotated[float, Field(ge=1e-3, le=1e3)]
#: Blocks of the encoder's levels in nnU-Net's residual encoder presets; deeper levels have as many as the last.
RESIDUAL_BLOCKS = (1, 3, 4, 6)


class DynUNet(KernelNetwork):
    """``monai.networks.nets.DynUNet``: the network of nnU-Net."""

    name: Literal["DynUNet"]
    channels: Annotated[tuple[Width, ...], Field(min_length=3, max_length=16)] = (16, 32, 64, 128)
    res_block: bool = False
    norm: Normalization = "instance"
    deep_supervision: bool = False

    def check(self, dimensions: int) -> None:
        """Checks the values per axis against the number of axes, and the strides against the kernels.

        Raises:
            ValueError: The message begins with the key below ``network``.
        """
        super().check(dimensions)
        for index, (step, kernel) in enumerate(zip(self.steps, self.kernels(dimensions)[1:], strict=True)):
            strides = per_axis(step, dimensions)
            if any(stride > size + 1 for stride, size in zip(strides, kernel, strict=True)):
                expected = f"at most one more than kernel_size {list(kernel)}"
                raise ValueError(mismatch(f"strides[{index}]", got=list(strides), expected=expected))

    def options(self, dimensions: int) -> dict[str, Any]:
        """Returns the arguments of ``target`` beside the numbers of axes and channels, as plain data."""
        steps = [per_axis(step, dimensions) for step in self.steps]
        return {
            "kernel_size": self.kernels(dimensions),
            "strides": [(1,) * dimensions, *steps],
            "upsample_kernel_size": steps,
            "filters": list(self.channels),
            "norm_name": (self.norm, {"affine": True}),
            "res_block": self.res_block,
            "deep_supervision": self.deep_supervision,
            "deep_supr_num": len(self.channels) - 2,
        }


class ResidualEncoderUNet(KernelNetwork):
    """The residual encoder U-Net of nnU-Net (Isensee et al. 2024), from ``dynamic_network_architectures``.

    ``blocks`` is the number of residual blocks at each level of the encoder, by default 1, 3, 4, 6, 6, ... It needs
    the extra ``nnunet``.
    """

    name: Literal["ResidualEncoderUNet"]
    blocks: tuple[Blocks, ...] | None = None
    norm: Normalization = "instance"
    deep_supervision: bool = False

    @property
    def encoder_blocks(self) -> tuple[int, ...]:
        """The number of residual blocks at each level."""
        levels = range(len(self.channels))
        return self.blocks or tuple(RESIDUAL_BLOCKS[min(level, len(RESIDUAL_BLOCKS) - 1)] for level in levels)

    def check(self, dimensions: int) -> None:
        """Checks the values per axis and level, and that the extra is installed.

        Raises:
            ValueError: The message begins with the key below ``network``.
        """
        super().check(dimensions)
        if len(self.encoder_blocks) != len(self.channels):
            expected = f"one number for each level ({len(self.channels)})"
            raise ValueError(mismatch("blocks", got=f"{len(self.encoder_blocks)} numbers", expected=expected))
        if find_spec("dynamic_network_architectures") is None:
            got = f"{self.name} without the module dynamic_network_architectures"
            raise ValueError(mismatch("name", got=got, expected='the extra: pip install "segtopo[nnunet]"'))

    @property
    def target(self) -> str:
        """The full name of the class or function that builds the network."""
        return "segtopo.config.residual_encoder.build_residual_encoder_unet"

    def options(self, dimensions: int) -> dict[str, Any]:
        """Returns the arguments of ``target`` beside the numbers of axes and channels, as plain data."""
        return {
            "channels": self.channels,
            "kernels": self.kernels(dimensions),
            "strides": [(1,) * dimensions, *(per_axis(step, dimensions) for step in self.steps)],
            "blocks": self.encoder_blocks,
            "norm": self.norm,
            "deep_supervision": self.deep_supervision,
        }


class SegResNetDS(BlockNetwork):
    """``monai.networks.nets.SegResNetDS``: the network of Auto3DSeg.

    ``resolution`` is the voxel size along each axis: where voxels are longer than others, the first levels are not
    reduced along that axis. By default they are cubes.
    """

    name: Literal["SegResNetDS"]
    init_filters: Annotated[int, Field(ge=1, le=256)] = 16
    resolution: tuple[VoxelSize, ...] | None = None
    norm: Normalization = "instance"
    deep_supervision: bool = False

    def check(self, dimensions: int) -> None:
        """Checks the voxel size against the number of axes.

        Raises:
            ValueError: The message begins with the key below ``network``.
        """
        super().check(dimensions)
        if self.resolution is not None and len(self.resolution) != dimensions:
            expected = f"{dimensions} numbers (as patch_size)"
            raise ValueError(mismatch("resolution", got=list(self.resolution), expected=expected))

    def reduction(self, dimensions: int) -> tuple[int, ...]:
        """Returns the factor per axis by which the deepest level is smaller than the input."""
        from monai.networks.nets.segresnet_ds import scales_for_resolution

        scales = scales_for_resolution(self.resolution or (1.0,) * dimensions, len(self.blocks_down))[:-1]
        return tuple(int(prod(scale[axis] for scale in scales)) for axis in range(dimensions))

    def options(self, dimensions: int) -> dict[str, Any]:
        """Returns the arguments of ``target`` beside the numbers of axes and channels, as plain data."""
        return {
            "init_filters": self.init_filters,
            "norm": self.norm,
            "blocks_down": self.blocks_down,
            "blocks_up": self.blocks_up,
            "dsdepth": len(self.blocks_down) - 1 if self.deep_supervision else 1,
            "resolution": self.resolution,
        }
