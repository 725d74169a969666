"""The same numbers in every form that a caller may have them in, and objects that are no numbers."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

Array = np.ndarray[Any, np.dtype[np.float64]]


def _read_only(values: Array) -> Array:
    copy = values.copy()
    copy.flags.writeable = False
    return copy


def _negated_view(values: Array) -> torch.Tensor:
    """A tensor whose minus sign is a bit of the view, which NumPy does not take."""
    return torch.complex(torch.zeros(values.shape).double(), torch.from_numpy(-values)).conj().imag


FORMS: dict[str, Callable[[Array], Any]] = {
    "lists": lambda values: values.tolist(),
    "negative strides": lambda values: values[::-1].copy()[::-1],
    "negative strides along each axis": lambda values: np.flip(np.flip(values).copy()),
    "Fortran order": np.asfortranarray,
    "read-only": _read_only,
    "big endian": lambda values: values.astype(">f8"),
    "big endian float32": lambda values: values.astype(">f4"),
    "little endian": lambda values: values.astype("<f8"),
    "half precision": lambda values: values.astype(np.float16),
    "float32": lambda values: values.astype(np.float32),
    "tensor": lambda values: torch.from_numpy(values.copy()),
    "transposed tensor": lambda values: torch.from_numpy(values.T.copy()).permute(*reversed(range(values.ndim))),
    "tensor with gradient": lambda values: torch.from_numpy(values.copy()).requires_grad_(),
    "negated view": _negated_view,
    **{
        name: lambda values, name=name: torch.from_numpy(values.copy()).to(getattr(torch, name))
        for name in ("float16", "bfloat16", "float8_e4m3fn", "float8_e5m2")
    },
}
"""Forms of an array whose values are multiples of 1/8 from 0 to 1, which all these dtypes hold exactly."""

TENSOR_FORMS = {name: form for name, form in FORMS.items() if isinstance(form(np.zeros((1, 1))), torch.Tensor)}

INTEGER_FORMS: dict[str, Callable[[Array], Any]] = {
    "big endian": lambda values: values.astype(">i4"),
    "negative strides": lambda values: values.astype(np.int64)[::-1].copy()[::-1],
    **{name: lambda values, name=name: values.astype(name) for name in ("uint8", "int16", "uint64")},
    **{
        f"{name} tensor": lambda values, name=name: torch.from_numpy(values.astype(np.int64)).to(getattr(torch, name))
        for name in ("uint8", "uint16", "uint64", "int8", "int64")
    },
}


def wrong_tensors() -> dict[str, Any]:
    dense = torch.tensor([[0.5, 0.25], [0.75, 0.5], [1.0, 0.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls these kinds of tensors beta
        return {
            "meta": dense.to("meta"),
            "sparse": dense.to_sparse(),
            "compressed": dense.to_sparse_csr(),
            "quantized": torch.quantize_per_tensor(dense, 0.1, 0, torch.quint8),
            "nested": torch.nested.nested_tensor([dense[0], dense[1]]),
            "complex": dense.to(torch.complex64),
            "complex of half precision": dense.to(torch.complex32),
            "bits": torch.empty((3, 2), dtype=torch.bits8),
            "float4": torch.empty((3, 2), dtype=torch.float4_e2m1fn_x2),
            "large uint64": torch.full((3, 2), 2**60, dtype=torch.uint64),
        }


def wrong_arrays() -> dict[str, Any]:
    return {
        "None": None,
        "text": "0.5",
        "dictionary": {},
        "object": object(),
        "ragged lists": [[1.0, 2.0], [3.0]],
        "lists of text": [["a", "b"]],
        "lists of None": [[None, None]],
        "list of tensors with gradients": [torch.zeros(2, requires_grad=True)] * 3,
        "complex": np.zeros((3, 2), np.complex128),
        "long double": np.zeros((3, 2), np.longdouble),
        "dates": np.zeros((3, 2), "M8[s]"),
        "objects": np.zeros((3, 2), object),
        "large uint64": np.full((3, 2), 2**60, np.uint64),
    }


ONE_SENTENCE = r"^\w+: got [^\n]+, expected [^\n]*[^.\n]$"
"""The wording of all errors."""
