"""Checks of masks, and their conversion from any array or tensor to booleans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from segtopo.errors import InputError, mismatch
from segtopo.masks.components import Mask
from segtopo.persistence.inputs import as_dense_tensor, check_shape

if TYPE_CHECKING:
    import torch


def as_mask(mask: npt.ArrayLike | torch.Tensor, name: str) -> Mask:
    """Converts a 2D or 3D mask of any dtype, on any device, to a boolean array.

    Args:
        mask: The mask; its only values are 0 and 1.
        name: Name of the argument in error messages.

    Raises:
        TypeError: A tensor is sparse, quantized or without data.
        InputError: The mask has other values, another number of axes, or an axis of length 0.
    """
    booleans = as_booleans(mask, name)
    check_shape(booleans.shape, name)
    return booleans


def as_masks(prediction: npt.ArrayLike | torch.Tensor, reference: npt.ArrayLike | torch.Tensor) -> tuple[Mask, Mask]:
    """Converts two masks of one shape to boolean arrays; errors are those of :func:`as_mask`."""
    masks = as_mask(prediction, "prediction"), as_mask(reference, "reference")
    check_same_shape(prediction=masks[0].shape, reference=masks[1].shape)
    return masks


def as_booleans(values: npt.ArrayLike | torch.Tensor, name: str) -> npt.NDArray[np.bool_]:
    """Converts zeros and ones of any shape and dtype to a boolean array.

    A tensor is compared on its device and in its dtype, as NumPy does not have all of torch's dtypes. An array of
    booleans is returned as it is.

    Raises:
        TypeError: A tensor is sparse, quantized or without data.
        InputError: There are other values than 0 and 1.
    """
    is_tensor = hasattr(values, "detach")
    array: Any = as_dense_tensor(cast("torch.Tensor", values), name).detach() if is_tensor else np.asarray(values)
    if not is_tensor and array.dtype == np.bool_:
        return cast("npt.NDArray[np.bool_]", array)
    ones = array == 1
    if not bool((ones | (array == 0)).all()):
        raise InputError(
            mismatch(name, got="values other than 0 and 1", expected="a binary mask; apply a threshold first")
        )
    booleans: npt.NDArray[np.bool_] = ones.cpu().numpy() if is_tensor else ones
    return booleans


def check_same_shape(**shapes: tuple[int, ...]) -> None:
    """Raises InputError unless the second shape equals the first; the names are those of the arguments."""
    (first, shape), (second, other) = shapes.items()
    if other != shape:
        raise InputError(mismatch(second, got=f"shape {other}", expected=f"the shape {shape} of {first}"))
