"""PNG and JPEG files (with Pillow) and TIFF files (with tifffile), which have no position in space."""

from __future__ import annotations

import logging
import zlib
from pathlib import Path

import numpy as np

from segtopo.errors import InputError, mismatch
from segtopo.volumes.volume import Array, Volume

# Pillow modes that are converted. Transparency is dropped. A palette is not applied, as its indices are the labels.
_PILLOW_MODES = {
    "LA": "L",
    "La": "L",
    "RGBA": "RGB",
    "RGBa": "RGB",
    "RGBX": "RGB",
    "CMYK": "RGB",
    "YCbCr": "RGB",
}


def read_picture(path: Path) -> Volume:
    """Reads a PNG, JPEG or TIFF file without its transparency. Pixels of 1 bit become 0 and 1.

    Raises:
        InputError: The file is truncated or damaged, or is neither a 2D image nor a 3D stack.
    """
    read = _read_tiff if path.suffix.lower() in {".tif", ".tiff"} else _read_with_pillow
    try:
        array, has_channels = read(path)
    except (OSError, ValueError, SyntaxError, IndexError, zlib.error) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        got = f"truncated or damaged data ({reason})"
        raise InputError(mismatch(path, got=got, expected="a PNG, JPEG or TIFF file")) from error
    if array.dtype == bool:
        array = array.astype(np.uint8)
    if array.ndim - has_channels not in (2, 3) or 0 in array.shape:
        raise InputError(mismatch(path, got=f"shape {array.shape}", expected="a 2D image or a 3D stack"))
    return Volume(array.astype(array.dtype.newbyteorder("="), copy=False), has_channels=has_channels)


def write_picture(path: Path, array: Array, has_channels: bool) -> None:
    """Writes a PNG or TIFF file.

    Raises:
        InputError: The format cannot hold the array. PNG holds 2D images: grey with 8 or 16 bits, or RGB with 8 bits.
            JPEG is lossy.
    """
    if path.suffix.lower() in {".tif", ".tiff"}:
        import tifffile

        axes = "CZYX"[-array.ndim :] if not has_channels else ("CYX" if array.ndim == 3 else "CZYX")
        tifffile.imwrite(path, array, compression="zlib", photometric="minisblack", metadata={"axes": axes})
        return
    if path.suffix.lower() != ".png":
        raise InputError(mismatch(path, got="the lossy format JPEG", expected=".png or .tif"))
    shape = array.shape[1:] if has_channels else array.shape
    fits = array.dtype == np.uint8 or (array.dtype == np.uint16 and not has_channels)
    if len(shape) != 2 or not fits or (has_channels and array.shape[0] not in (1, 3)):
        expected = "a 2D image, grey with 8 or 16 bits or RGB with 8 bits; use .tif or .nii.gz"
        raise InputError(mismatch(path, got=f"{array.dtype} of shape {array.shape}", expected=expected))
    from PIL import Image

    pixels = np.moveaxis(array, 0, -1).squeeze(axis=-1 if array.shape[0] == 1 else ()) if has_channels else array
    Image.fromarray(np.ascontiguousarray(pixels)).save(path)


def _read_with_pillow(path: Path) -> tuple[Array, bool]:
    from PIL import Image

    with Image.open(path) as image:
        pixels = np.asarray(image.convert(_PILLOW_MODES.get(image.mode, image.mode)))
    if pixels.ndim == 3:
        return np.moveaxis(pixels, -1, 0), True
    return pixels, False


def _read_tiff(path: Path) -> tuple[Array, bool]:
    import tifffile

    # The exception reports damage. Without a handler, tifffile's log would also be printed on the terminal.
    logging.getLogger("tifffile").addHandler(logging.NullHandler())
    try:
        with tifffile.TiffFile(path) as file:
            series = file.series[0]
            axes, pixels = series.axes, np.asarray(series.asarray())
    except ValueError as error:
        # For LZW and JPEG compression tifffile needs a large optional package; Pillow reads both in 2D.
        if "imagecodecs" not in str(error):
            raise
        return _read_with_pillow(path)
    channel = max(axes.find("S"), axes.find("C"))
    if channel < 0:
        return pixels, False
    pixels = np.moveaxis(pixels, channel, 0)
    return (pixels[:3] if axes[channel] == "S" else pixels), True
