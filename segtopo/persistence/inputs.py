"""Checks and conversions of images and options before they reach the kernel."""

from __future__ import annotations

import operator
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast, get_args

import numpy as np
import numpy.typing as npt

from segtopo.errors import InputError, mismatch
from segtopo.persistence.pairs import Construction, Filtration

if TYPE_CHECKING:
    import torch

LARGEST_EXACT_INTEGER = 2**53  # in float64

ImageArray = npt.NDArray[np.floating[Any] | np.uint8]
"""The dtypes of the kernel: float32, float64 and uint8."""


def as_image_array(image: npt.ArrayLike | torch.Tensor, name: str = "image") -> ImageArray:
    """Converts an image to a dtype of the kernel that holds exactly the same values.

    bool and uint8 become uint8, half precision and float32 become float32, everything else becomes float64.

    Raises:
        TypeError: The dtype is complex, not numeric, or wider than float64.
        InputError: An integer is too large for float64.
    """
    array = _as_numpy(image, name)
    if array.dtype == np.bool_:
        return array.view(np.uint8)
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind == "f" and array.dtype.itemsize <= 8:
        return array.astype(np.float64 if array.dtype.itemsize == 8 else np.float32, copy=False)
    if array.dtype.kind not in "iu":
        raise TypeError(mismatch(name, got=f"dtype {array.dtype}", expected="a real dtype of at most 64 bits"))
    if array.dtype.itemsize == 8 and array.size and int(max(array.max(), -int(array.min()))) > LARGEST_EXACT_INTEGER:
        raise InputError(
            mismatch(
                name,
                got=f"integers from {array.min()} to {array.max()}",
                expected="at most 2**53 in magnitude, which float64 holds exactly",
            )
        )
    return array.astype(np.float64)


def as_float_array(values: npt.ArrayLike | torch.Tensor, name: str) -> npt.NDArray[np.floating[Any]]:
    """Converts values to float32 or float64, exactly; errors are those of :func:`as_image_array`."""
    array: npt.NDArray[Any] = as_image_array(values, name)
    return array.astype(np.float64) if array.dtype == np.uint8 else array


def _as_numpy(image: npt.ArrayLike | torch.Tensor, name: str) -> npt.NDArray[Any]:
    if not hasattr(image, "detach"):
        return np.asarray(image)
    tensor = as_dense_tensor(cast("torch.Tensor", image), name).detach().cpu()
    array: npt.NDArray[Any] = (
        tensor.float() if tensor.is_floating_point() and tensor.element_size() < 4 else tensor
    ).numpy()
    return array


def as_dense_tensor(tensor: torch.Tensor, name: str) -> torch.Tensor:
    """Returns a tensor that holds one value for each voxel, without the metadata of its subclass.

    Raises:
        TypeError: The tensor is sparse, quantized or without data (device ``meta``).
    """
    import torch

    kind = (
        "no data (device meta)"
        if tensor.is_meta
        else f"layout {tensor.layout}"
        if tensor.layout != torch.strided
        else f"quantized dtype {tensor.dtype}"
        if tensor.is_quantized
        else None
    )
    if kind is not None:
        raise TypeError(mismatch(name, got=f"a tensor with {kind}", expected="a dense tensor"))
    # Subclasses such as MONAI's MetaTensor carry metadata through every operation, which is slow and of no use here.
    return tensor.as_subclass(torch.Tensor)


def check_complex(filtration: Filtration, construction: Construction) -> None:
    """Raises InputError unless both are known."""
    if filtration not in get_args(Filtration):
        raise InputError(mismatch("filtration", got=repr(filtration), expected=f"one of {get_args(Filtration)}"))
    check_construction(construction)


def check_construction(construction: Construction) -> None:
    """Raises InputError unless the construction is known."""
    if construction not in get_args(Construction):
        raise InputError(mismatch("construction", got=repr(construction), expected=f"one of {get_args(Construction)}"))


def check_shape(shape: Sequence[int], name: str = "image") -> None:
    """Raises InputError unless it is the shape of a 2D or 3D image that is not empty."""
    if len(shape) not in (2, 3):
        raise InputError(mismatch(name, got=f"{len(shape)} dimensions (shape {tuple(shape)})", expected="2 or 3"))
    if 0 in shape:
        raise InputError(
            mismatch(name, got=f"the empty shape {tuple(shape)}", expected="at least one voxel along each axis")
        )


def check_min_persistence(min_persistence: float) -> None:
    """Raises InputError unless it is a number of at least 0."""
    if not min_persistence >= 0:
        raise InputError(mismatch("min_persistence", got=min_persistence, expected="a number >= 0"))


def thread_count(num_threads: int | None) -> int:
    """Returns the number of threads to use, by default one for each CPU that this process may run on.

    Raises:
        InputError: The number is below 1.
    """
    if num_threads is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if operator.index(num_threads) < 1:
        raise InputError(mismatch("num_threads", got=num_threads, expected="at least 1"))
    return num_threads


def describe_nan(images: ImageArray, name: str = "image") -> str:
    """Returns the error message for a batch that holds NaN: their number and the first position."""
    positions = np.argwhere(np.isnan(images))
    item, *voxel = positions[0].tolist()
    place = f"{tuple(voxel)}" + (f" of image {item}" if len(images) > 1 else "")
    return mismatch(name, got=f"{len(positions)} NaN, the first at {place}", expected="numbers")
