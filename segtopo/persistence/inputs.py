"""Checks and conversions of images and options before they reach the kernel."""

from __future__ import annotations

import math
import numbers
import operator
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import numpy.typing as npt

from segtopo.errors import InputError, mismatch
from segtopo.persistence.pairs import Construction, Filtration

if TYPE_CHECKING:
    import torch

LARGEST_EXACT_INTEGER = 2**53  # in float64

REAL_NUMBERS = "real numbers of at most 64 bits"

ImageArray = npt.NDArray[np.floating[Any] | np.uint8]
"""The dtypes of the kernel: float32, float64 and uint8."""


def as_image_array(image: npt.ArrayLike | torch.Tensor, name: str = "image") -> ImageArray:
    """Converts an image to a dtype of the kernel that holds exactly the same values.

    bool and uint8 become uint8; half precision, float8 and float32 become float32; every other dtype becomes float64.

    Args:
        image: Array, nested lists of numbers, or tensor on any device.
        name: Name of the argument in error messages.

    Raises:
        TypeError: The input is no array of real numbers of at most 64 bits.
        InputError: Nested lists differ in length, or an integer is too large for float64.
    """
    array = as_numpy(image, name)
    if array.dtype == np.bool_:
        return array.view(np.uint8)
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind == "f" and array.dtype.itemsize <= 8:
        return array.astype(np.float64 if array.dtype.itemsize == 8 else np.float32, copy=False)
    if array.dtype.kind not in "iu":
        raise TypeError(mismatch(name, got=_describe_type(image, array), expected=REAL_NUMBERS))
    if array.dtype.itemsize == 8 and array.size and int(max(array.max(), -int(array.min()))) > LARGEST_EXACT_INTEGER:
        raise InputError(
            mismatch(
                name,
                got=f"integers from {array.min()} to {array.max()}",
                expected="at most 2**53 in magnitude, which float64 holds exactly",
            )
        )
    return array.astype(np.float64)


def _describe_type(given: object, array: npt.NDArray[Any]) -> str:
    """Describes an input that is not made of numbers; the dtype object says less than the types of the objects."""
    if array.dtype != object or hasattr(given, "dtype"):
        return f"dtype {array.dtype}"
    if isinstance(given, list | tuple) and len(given) > 0:
        return f"a {type(given).__name__} of {type(given[0]).__name__}"
    return type(given).__name__


def as_float_array(values: npt.ArrayLike | torch.Tensor, name: str) -> npt.NDArray[np.floating[Any]]:
    """Converts values to float32 or float64, exactly; errors are those of :func:`as_image_array`."""
    array: npt.NDArray[Any] = as_image_array(values, name)
    return array.astype(np.float64) if array.dtype == np.uint8 else array


def as_numpy(values: npt.ArrayLike | torch.Tensor, name: str) -> npt.NDArray[Any]:
    """Converts values to an array of the same dtype, or of float32 if NumPy does not have the dtype.

    Raises:
        TypeError: A tensor has another layout, no data or a dtype without conversion.
        InputError: Nested lists differ in length.
    """
    if not hasattr(values, "detach"):
        try:
            return np.asarray(values)
        except ValueError:
            raise InputError(mismatch(name, got="lists of different lengths", expected="lists of one length")) from None
        except (TypeError, RuntimeError):
            got = f"a {type(values).__name__} that NumPy cannot convert"
            raise TypeError(mismatch(name, got=got, expected=REAL_NUMBERS)) from None
    tensor = as_dense_tensor(values, name).detach().cpu().resolve_neg()
    try:
        has_no_numpy_dtype = tensor.is_floating_point() and tensor.element_size() < 4
        array: npt.NDArray[Any] = (tensor.float() if has_no_numpy_dtype else tensor).numpy()
    except (TypeError, NotImplementedError):
        raise TypeError(mismatch(name, got=f"dtype {tensor.dtype}", expected=REAL_NUMBERS)) from None
    return array


def as_dense_tensor(tensor: object, name: str) -> torch.Tensor:
    """Returns the tensor as a plain ``torch.Tensor``, without the metadata of a subclass.

    Raises:
        TypeError: The input is not a tensor, or is sparse, nested, quantized or without data (device ``meta``).
    """
    import torch

    if not isinstance(tensor, torch.Tensor):
        raise TypeError(mismatch(name, got=type(tensor).__name__, expected="a torch tensor"))
    kind = (
        "no data (device meta)"
        if tensor.is_meta
        else "nested shape"
        if tensor.is_nested
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


def as_floating_tensor(tensor: torch.Tensor) -> torch.Tensor:
    """Converts a dense tensor of real numbers to a floating dtype that torch can index.

    Integers become float64, float8 becomes float32. The result keeps the gradient of ``tensor``.
    """
    if not tensor.is_floating_point():
        return tensor.double()
    return tensor.float() if tensor.element_size() == 1 else tensor


def as_tensor_and_array(
    values: npt.ArrayLike | torch.Tensor, name: str
) -> tuple[torch.Tensor, npt.NDArray[np.floating[Any]]]:
    """Converts values to a floating tensor that keeps their gradient, and to an array of the same values.

    Integers become float64. The array has float32 for half precision and float8. Errors are those of
    :func:`as_image_array`.
    """
    import torch

    array = as_float_array(values, name)
    if isinstance(values, torch.Tensor):
        return as_floating_tensor(as_dense_tensor(values, name)), array
    # torch takes neither negative strides nor arrays that must not be written to.
    return torch.from_numpy(np.array(array, order="C")), array


def check_filtration(filtration: Filtration) -> None:
    """Raises InputError unless the filtration is known."""
    _check_choice(filtration, "filtration", get_args(Filtration))


def check_complex(filtration: Filtration, construction: Construction) -> None:
    """Raises InputError unless both are known."""
    check_filtration(filtration)
    check_construction(construction)


def check_construction(construction: Construction) -> None:
    """Raises InputError unless the construction is known."""
    _check_choice(construction, "construction", get_args(Construction))


def check_dimensions(dimensions: Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    """Returns homology dimensions of images, by default all.

    Args:
        dimensions: The dimensions, in any order.
        ndim: Number of axes of the images.

    Raises:
        TypeError: They are not a list.
        InputError: There is none, one is there twice, or images with this many axes have no such dimension.
    """
    expected = f"different dimensions from 0 to {ndim - 1} of {ndim}D images"
    if dimensions is not None and not hasattr(dimensions, "__len__"):
        raise TypeError(mismatch("dimensions", got=repr(dimensions), expected=f"a list of {expected}"))
    chosen = tuple(range(ndim) if dimensions is None else dimensions)
    if not chosen or len(set(chosen)) < len(chosen) or not set(chosen) <= set(range(ndim)):
        raise InputError(mismatch("dimensions", got=list(chosen), expected=expected))
    return chosen


def _check_choice(value: object, name: str, choices: tuple[str, ...]) -> None:
    if not isinstance(value, str) or value not in choices:
        raise InputError(mismatch(name, got=_describe_option(value), expected=f"one of {choices}"))


def _describe_option(value: object) -> str:
    """Describes a wrong option in one line: simple values as they are typed, other objects by their type."""
    return repr(value) if value is None or isinstance(value, str | numbers.Number) else type(value).__name__


def check_shape(shape: Sequence[int], name: str = "image") -> None:
    """Raises InputError unless it is the shape of a 2D or 3D image with at least one voxel."""
    if len(shape) not in (2, 3):
        raise InputError(mismatch(name, got=f"{len(shape)} dimensions (shape {tuple(shape)})", expected="2 or 3"))
    if 0 in shape:
        raise InputError(
            mismatch(name, got=f"the empty shape {tuple(shape)}", expected="at least one voxel along each axis")
        )


def check_number(value: Any, name: str, lowest: float, highest: float, expected: str) -> float:
    """Returns the value as a float.

    Raises:
        TypeError: It is not one real number.
        InputError: It is not between ``lowest`` and ``highest``.
    """
    try:
        number = value if isinstance(value, numbers.Number) else value.item()
    except (AttributeError, ValueError, RuntimeError):
        number = None
    if not isinstance(number, numbers.Real):
        raise TypeError(mismatch(name, got=_describe_option(value), expected=expected))
    if not lowest <= float(number) <= highest:
        raise InputError(mismatch(name, got=number, expected=expected))
    return float(number)


def check_not_negative(value: float, name: str) -> None:
    """Raises InputError unless the value is a number of at least 0."""
    check_number(value, name, 0, math.inf, "a number >= 0")


def check_integer(value: Any, name: str, lowest: int) -> int:
    """Returns the value as an int.

    Raises:
        TypeError: It is not an integer.
        InputError: It is below ``lowest``.
    """
    try:
        number = operator.index(value)
    except (TypeError, RuntimeError):
        raise TypeError(
            mismatch(name, got=_describe_option(value), expected=f"an integer of at least {lowest}")
        ) from None
    if number < lowest:
        raise InputError(mismatch(name, got=number, expected=f"at least {lowest}"))
    return number


def thread_count(num_threads: int | None) -> int:
    """Returns the number of threads to use, by default one for each CPU that this process may run on.

    Raises:
        TypeError: The number is not an integer.
        InputError: The number is below 1.
    """
    if num_threads is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return check_integer(num_threads, "num_threads", 1)


def check_no_nan(values: npt.NDArray[np.floating[Any]], name: str) -> None:
    """Raises InputError if one array of any shape holds NaN."""
    if np.isnan(values).any():
        raise InputError(describe_nan(values[None], name))


def describe_nan(images: ImageArray, name: str = "image") -> str:
    """Returns the error message for a batch that holds NaN: their number and the first position."""
    positions = np.argwhere(np.isnan(images))
    item, *voxel = positions[0].tolist()
    position = f"{tuple(voxel)}" + (f" of image {item}" if len(images) > 1 else "")
    return mismatch(name, got=f"{len(positions)} NaN, the first at {position}", expected="numbers")
