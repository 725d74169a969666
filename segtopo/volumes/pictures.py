"""PNG, JPEG, GIF and BMP files, which have no position in space; TIFF files are read in a module of their own."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from segtopo.errors import InputError, mismatch
from segtopo.volumes.file_names import TIFF
from segtopo.volumes.stored_content import check_plausible
from segtopo.volumes.tiff import read_tiff, write_tiff
from segtopo.volumes.transparency import without_transparency
from segtopo.volumes.upright import upright
from segtopo.volumes.volume import Array, Volume

_PNG = b"\x89PNG\r\n\x1a\n"
_IN_COLOUR = {"RGBX": "RGB", "CMYK": "RGB", "YCbCr": "RGB", "La": "LA", "RGBa": "RGBA"}


@dataclass(frozen=True)
class _PngHeader:
    """Bits of a sample, and the type of the colours: grey (0), RGB (2), palette (3), with opacity (4, 6)."""

    bits: int
    colours: int


def read_picture(path: Path) -> Volume:
    """Reads a PNG, JPEG, TIFF, GIF or BMP file; the content of the file selects the format.

    Pixels of 1 bit become 0 and 1. The palette of a PNG file is not applied, because its indices are labels, except
    that a palette of white and black is not read as black and white.
    """
    with path.open("rb") as file:
        magic = file.read(30)
    if magic[:2] in (b"II", b"MM"):
        return read_tiff(path)
    if magic.startswith(_PNG) and len(magic) == 30:
        return _volume(*_read_png(path, _PngHeader(*magic[24:26])))
    return _volume(*_read_other(path, magic))


def write_picture(path: Path, array: Array, like: Volume, has_channels: bool) -> None:
    """Writes a PNG, BMP or TIFF file; TIFF files get the spacing of ``like``.

    Raises:
        InputError: The format cannot hold the array. PNG holds 2D images: grey with 8 or 16 bits, or RGB with 8 bits.
            BMP holds those with 8 bits. JPEG is lossy, and GIF has a palette.
    """
    extension = path.suffix.lower()
    if extension in TIFF:
        write_tiff(path, array, like, has_channels)
        return
    if extension not in (".png", ".bmp"):
        raise InputError(mismatch(path, got=f"the format {extension}", expected="a lossless one: .png or .tif"))
    shape = array.shape[1:] if has_channels else array.shape
    fits = array.dtype == np.uint8 or (array.dtype == np.uint16 and not has_channels and extension == ".png")
    if len(shape) != 2 or not fits or (has_channels and array.shape[0] not in (1, 3)):
        expected = "a 2D image, grey with 8 or (in PNG) 16 bits or RGB with 8 bits; use .tif or .nii.gz"
        raise InputError(mismatch(path, got=f"{array.dtype} of shape {array.shape}", expected=expected))
    from PIL import Image

    pixels = np.moveaxis(array, 0, -1).squeeze(axis=-1 if array.shape[0] == 1 else ()) if has_channels else array
    Image.fromarray(np.ascontiguousarray(pixels)).save(path)


def _volume(pixels: Array, has_opacity: bool) -> Volume:
    """Makes a volume of an array of shape (rows, columns) or (rows, columns, colours)."""
    channels = pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)
    if has_opacity:
        channels = without_transparency(channels[:-1], channels[-1])
    is_colour = len(channels) > 1
    array = channels if is_colour else channels[0]
    array = array.astype(np.uint8 if array.dtype == bool else array.dtype.newbyteorder("="), copy=False)
    return Volume(array, has_channels=is_colour, has_position=False, is_colour=is_colour)


def _read_png(path: Path, header: _PngHeader) -> tuple[Array, bool]:
    from PIL.PngImagePlugin import PngImageFile

    # Image.open would take a large image for an attack; check_plausible compares its size with that of the file.
    with PngImageFile(path) as image:
        _check_single(image)
        check_plausible(path, image.width * image.height, compressed=True)
        image.verify()  # the checksums, which reading skips
    has_opacity = header.colours in (4, 6)
    if header.bits == 16 and header.colours != 0:  # Pillow would keep the upper 8 bits alone
        import imagecodecs

        with PngImageFile(path) as image:
            return upright(np.asarray(imagecodecs.png_decode(path.read_bytes())), image), has_opacity
    with PngImageFile(path) as image:
        pixels = upright(np.asarray(image), image)
        if header.colours == 3:
            return _indices(pixels, image), False
    if header.colours == 0 and header.bits in (2, 4):
        return pixels // np.uint8(255 // (2**header.bits - 1)), False  # Pillow stretches them to 8 bits
    return pixels, has_opacity


def _indices(pixels: Array, image: Any) -> Array:
    """Returns the indices of a palette, as 1 for white and 0 for black if index 0 is white and there is no colour."""
    colours = np.reshape(image.getpalette("RGB"), (-1, 3))
    used = colours[np.unique(pixels[pixels < len(colours)])]
    if (colours[0] == 255).all() and ((used == 0).all(axis=1) | (used == 255).all(axis=1)).all():
        return np.asarray(colours[pixels, 0] == 255)
    return pixels


def _read_other(path: Path, magic: bytes) -> tuple[Array, bool]:
    from PIL.BmpImagePlugin import BmpImageFile
    from PIL.GifImagePlugin import GifImageFile
    from PIL.Image import DecompressionBombWarning
    from PIL.JpegImagePlugin import JpegImageFile

    readers: dict[bytes, Any] = {b"GIF8": GifImageFile, b"\xff\xd8\xff": JpegImageFile, b"BM": BmpImageFile}
    reader = next((reader for start, reader in readers.items() if magic.startswith(start)), None)
    if reader is None:
        raise ValueError("no PNG, JPEG, TIFF, GIF or BMP data")
    with warnings.catch_warnings():
        # A damaged GIF file can claim a large frame; the check below refuses it.
        warnings.simplefilter("ignore", DecompressionBombWarning)
        opened = reader(path)
    with opened as image:
        _check_single(image)
        check_plausible(path, image.width * image.height, compressed=True)
        if reader is BmpImageFile and image.mode == "1" and magic[28] != 1:
            raise ValueError(f"{magic[28]} bits a pixel for a palette of 2 colours")  # Pillow takes the bits for one
        if image.mode == "P":
            return _palette_colours(image)
        converted = image.convert(_IN_COLOUR.get(image.mode, image.mode))
        return upright(np.asarray(converted), image), converted.mode in ("LA", "RGBA")


def _palette_colours(image: Any) -> tuple[Array, bool]:
    """Applies the palette of a GIF or BMP file, whose order is arbitrary."""
    has_opacity = "transparency" in image.info
    pixels = np.asarray(image.convert("RGBA" if has_opacity else "RGB"))
    is_grey = (pixels[..., :1] == pixels[..., :3]).all()
    return (pixels[..., [0, 3] if has_opacity else 0] if is_grey else pixels), has_opacity


def _check_single(image: Any) -> None:
    if (frames := getattr(image, "n_frames", 1)) > 1:
        raise ValueError(f"{frames} pictures in one file")
