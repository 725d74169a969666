"""The affine of a NIfTI header."""

from __future__ import annotations

from typing import Any

import numpy as np

from segtopo.volumes.volume import Affine

_MM_OF_UNIT = {1: 1000.0, 3: 0.001}  # metres and microns; 2 and 0 (unknown) are mm
_LONGEST_QUATERNION = 1.001


def nifti_position(header: Any) -> tuple[Affine, bool]:
    """Returns the affine (RAS+, in mm) of a NIfTI header, and whether the header states a position.

    The affine is the sform, or the qform if there is no sform. Without both, its spacing is that of the header and its
    origin is the centre of the image.

    Raises:
        ValueError: The quaternion of the qform is longer than 1 by more than a rounding error.
    """
    affine, has_position = _stated_affine(_repaired(header))
    affine = np.asarray(affine, np.float64)
    affine[:3] *= _MM_OF_UNIT.get(int(header["xyzt_units"]) & 7, 1.0)
    return affine, has_position


def _stated_affine(header: Any) -> tuple[Any, bool]:
    ndim = min(len(header.get_data_shape()), 3)
    if header["sform_code"] > 0 and _is_usable(sform := header.get_sform(), ndim):
        return sform, True
    if header["qform_code"] > 0 and _is_usable(qform := header.get_qform(), ndim):
        return qform, True
    return header.get_base_affine(), False


def _is_usable(affine: Affine, ndim: int) -> bool:
    """Whether the numbers of an affine are finite and its spatial axes have a length."""
    return bool(np.isfinite(affine).all() and np.abs(affine[:3, :ndim]).max(axis=0).all())


def _repaired(header: Any) -> Any:
    """Returns a copy with a valid handedness, spacings above zero and a quaternion of length 1 at most."""
    header = header.copy()
    spacing = np.abs(header["pixdim"][1:4])
    header["pixdim"][1:4] = np.where(np.isfinite(spacing) & (spacing > 0), spacing, 1)
    header["pixdim"][0] = -1 if header["pixdim"][0] < 0 else 1
    quaternion = [float(header[f"quatern_{axis}"]) for axis in "bcd"]
    length = float(np.linalg.norm(quaternion))
    if header["qform_code"] > 0 and length > _LONGEST_QUATERNION:
        raise ValueError(f"a quaternion of length {length:.4g}")
    if length > 1:
        for axis, value in zip("bcd", quaternion, strict=True):
            header[f"quatern_{axis}"] = value / length
    return header
