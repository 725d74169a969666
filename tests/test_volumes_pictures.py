"""PNG, TIFF, GIF, BMP and JPEG files as drawing programs, scanners and microscopes write them."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from segtopo.errors import InputError
from segtopo.volumes import Volume, read_mask, read_volume, write_volume

MASK = np.zeros((13, 22), bool)
MASK[4:9, 3:17] = True
MASK[6, 8:11] = False
STACK = np.random.default_rng(0).integers(0, 2, (4, 13, 22)).astype(bool)
BYTES = MASK.astype(np.uint8) * 255


def write_png(path: Path, samples: np.ndarray, bits: int, colours: int, palette: bytes = b"") -> None:
    """A PNG file of any depth; samples of fewer than 8 bits are packed."""
    rows = samples.reshape(len(samples), -1)
    if bits < 8:
        unpacked = np.unpackbits(rows.astype(np.uint8)[..., None], axis=-1)[..., -bits:].reshape(len(rows), -1)
        packed = np.packbits(unpacked, axis=1)
    else:
        packed = rows.astype(f">u{bits // 8}").view(np.uint8)
    lines = b"".join(b"\0" + row.tobytes() for row in packed)
    head = struct.pack(">2I5B", samples.shape[1], samples.shape[0], bits, colours, 0, 0, 0)
    chunks = [
        (b"IHDR", head),
        *([(b"PLTE", palette)] if palette else []),
        (b"IDAT", zlib.compress(lines)),
        (b"IEND", b""),
    ]
    content = b"".join(struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content)


@pytest.mark.parametrize("ink", [0, 255, 90])
@pytest.mark.parametrize("paper", [0, 255])
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
@pytest.mark.parametrize("extension", [".png", ".tif"])
def test_a_drawing_on_a_transparent_layer_is_the_mask(
    tmp_path: Path, ink: int, paper: int, mode: str, extension: str
) -> None:
    colour = Image.fromarray(np.where(MASK, ink, paper).astype(np.uint8))
    Image.merge(mode, [colour] * (len(mode) - 1) + [Image.fromarray(BYTES)]).save(tmp_path / f"a{extension}")
    np.testing.assert_array_equal(read_mask(tmp_path / f"a{extension}").array, MASK)


@pytest.mark.parametrize("extension", [".png", ".tif"])
def test_colours_hidden_by_transparency_are_refused(tmp_path: Path, extension: str) -> None:
    colours = np.random.default_rng(0).integers(1, 255, (13, 22, 4)).astype(np.uint8)
    colours[..., 3] = BYTES
    Image.fromarray(colours).save(tmp_path / f"a{extension}")
    with pytest.raises(InputError, match="hidden by transparency"):
        read_volume(tmp_path / f"a{extension}")
    colours[..., 3] = 200
    Image.fromarray(colours).save(tmp_path / f"a{extension}")
    np.testing.assert_array_equal(np.moveaxis(read_volume(tmp_path / f"a{extension}").array, 0, -1), colours[..., :3])


@pytest.mark.parametrize(("colours", "bits"), [*((0, b) for b in (1, 2, 4, 8, 16)), *((3, b) for b in (1, 2, 4, 8))])
def test_png_labels_of_every_depth_are_kept(tmp_path: Path, bits: int, colours: int) -> None:
    labels = np.random.default_rng(0).integers(0, 2**bits, (13, 22))
    palette = np.random.default_rng(1).permutation(3 * 2 ** min(bits, 8)).astype(np.uint8).tobytes() if colours else b""
    write_png(tmp_path / "a.png", labels, bits, colours, palette)
    np.testing.assert_array_equal(read_volume(tmp_path / "a.png").array, labels)


@pytest.mark.parametrize("colours", [2, 4, 6])
def test_png_colours_of_16_bits_are_not_cut_to_8(tmp_path: Path, colours: int) -> None:
    samples = {2: 3, 4: 2, 6: 4}[colours]
    labels = np.repeat(MASK[..., None] * 7, samples, axis=-1)
    if colours in (4, 6):
        labels[..., -1] = 65535
    write_png(tmp_path / "a.png", labels, 16, colours)
    np.testing.assert_array_equal(read_mask(tmp_path / "a.png").array, MASK)
    volume = read_volume(tmp_path / "a.png")
    assert volume.array.dtype == np.uint16
    assert volume.array.max() == 7


@pytest.mark.parametrize("extension", [".png", ".gif", ".bmp"])
@pytest.mark.parametrize("white_first", [False, True])
def test_white_is_the_foreground_of_a_black_and_white_palette(
    tmp_path: Path, extension: str, white_first: bool
) -> None:
    image = Image.fromarray((white_first != MASK).astype(np.uint8))
    image.putpalette([255] * 3 + [0] * 3 if white_first else [0] * 3 + [255] * 3)
    image.save(tmp_path / f"a{extension}")
    if extension == ".bmp" and not white_first:
        with pytest.raises(InputError, match="8 bits a pixel for a palette of 2 colours"):
            read_volume(tmp_path / "a.bmp")
        return
    np.testing.assert_array_equal(read_mask(tmp_path / f"a{extension}").array, MASK)


@pytest.mark.parametrize("extension", [".gif", ".bmp", ".png", ".tif"])
@pytest.mark.parametrize("mode", ["1", "L", "RGB", "P"])
def test_masks_are_read_from_every_picture_format(tmp_path: Path, extension: str, mode: str) -> None:
    Image.fromarray(BYTES).convert(mode).save(tmp_path / f"a{extension}")
    np.testing.assert_array_equal(read_mask(tmp_path / f"a{extension}").array, MASK)


def test_the_colours_of_gif_and_bmp_are_applied(tmp_path: Path) -> None:
    colours = np.zeros((13, 22, 3), np.uint8)
    colours[3:7], colours[7:] = [10, 200, 30], [90, 0, 250]
    for name in ("a.gif", "a.bmp"):
        Image.fromarray(colours).quantize(3).save(tmp_path / name)
        volume = read_volume(tmp_path / name)
        assert volume.is_colour
        np.testing.assert_array_equal(np.moveaxis(volume.array, 0, -1), colours)


def test_a_gif_with_several_pictures_is_refused(tmp_path: Path) -> None:
    pages = [Image.fromarray(page.astype(np.uint8) * 255) for page in STACK]
    pages[0].save(tmp_path / "a.gif", save_all=True, append_images=pages[1:])
    with pytest.raises(InputError, match="4 pictures in one file"):
        read_volume(tmp_path / "a.gif")


def test_the_content_selects_the_format_of_a_picture(tmp_path: Path) -> None:
    Image.fromarray(BYTES).save(tmp_path / "a.bmp")
    (tmp_path / "a.bmp").rename(tmp_path / "a.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "a.png").array, MASK)
    Image.fromarray(BYTES).save(tmp_path / "a.webp")
    (tmp_path / "a.webp").rename(tmp_path / "b.png")
    with pytest.raises(InputError, match="no PNG, JPEG, TIFF, GIF or BMP data"):
        read_volume(tmp_path / "b.png")


def test_a_large_picture_is_read_and_a_false_size_is_refused(tmp_path: Path) -> None:
    large = np.zeros((13500, 13500), np.uint8)
    large[5:9, 3:-3] = 255
    Image.fromarray(large).save(tmp_path / "a.png", compress_level=1)
    assert read_volume(tmp_path / "a.png").array.sum(dtype=int) == 4 * 13494 * 255
    write_png(tmp_path / "b.png", MASK, 8, 0)
    data = bytearray((tmp_path / "b.png").read_bytes())
    data[16:24] = struct.pack(">2I", 90000, 90000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    (tmp_path / "b.png").write_bytes(data)
    with pytest.raises(InputError, match="cannot hold 8100000000"):
        read_volume(tmp_path / "b.png")


@pytest.mark.parametrize(
    "compression", ["group3", "group4", "tiff_ccitt", "packbits", "tiff_lzw", "tiff_deflate", "jpeg"]
)
@pytest.mark.parametrize("mode", ["1", "L"])
def test_all_pages_of_compressed_stacks_are_read(tmp_path: Path, compression: str, mode: str) -> None:
    if (mode == "1") != (compression in ("group3", "group4", "tiff_ccitt")):
        mode = (
            "1" if mode == "L" and compression[0] in "gt" and compression not in ("tiff_lzw", "tiff_deflate") else "L"
        )
    pages = [Image.fromarray(page.astype(np.uint8) * 255).convert(mode) for page in STACK]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:], compression=compression)
    volume = read_volume(tmp_path / "a.tif")
    assert volume.ndim == 3
    np.testing.assert_array_equal(volume.array > volume.array.max() / 2, STACK)


TIFF_OPTIONS = [
    {"compression": compression, **layout}
    for compression in (None, "zlib", "lzw")
    for layout in ({}, {"tile": (16, 16)}, *([{"predictor": True}] if compression else []))
]


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "f4"])
@pytest.mark.parametrize("options", TIFF_OPTIONS, ids=str)
def test_tiff_stacks_of_every_layout_are_read(
    tmp_path: Path, byteorder: str, bigtiff: bool, dtype: str, options: dict
) -> None:
    array = (np.arange(4 * 13 * 22).reshape(STACK.shape) % 251).astype(dtype)
    tifffile.imwrite(
        tmp_path / "a.tif",
        array,
        byteorder=byteorder,
        bigtiff=bigtiff,
        photometric="minisblack",
        **options,
    )
    volume = read_volume(tmp_path / "a.tif")
    assert volume.array.dtype == dtype
    np.testing.assert_array_equal(volume.array, array)


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("compression", [None, "lzw", "zlib"])
def test_colour_tiff_of_both_layouts_is_read(tmp_path: Path, planar: str, compression: str | None) -> None:
    colours = np.random.default_rng(0).integers(0, 255, (3, 13, 22)).astype(np.uint8)
    stored = colours if planar == "separate" else np.moveaxis(colours, 0, -1)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", planarconfig=planar, compression=compression)
    volume = read_volume(tmp_path / "a.tif")
    assert volume.is_colour
    np.testing.assert_array_equal(volume.array, colours)


@pytest.mark.parametrize("compression", [None, "zlib", "packbits"])
def test_appended_pages_of_one_shape_are_a_stack(tmp_path: Path, compression: str | None) -> None:
    for page in STACK:
        tifffile.imwrite(tmp_path / "a.tif", page.astype(np.uint8), append=True, compression=compression)
    np.testing.assert_array_equal(read_volume(tmp_path / "a.tif").array, STACK)
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((5, 6), np.uint8), append=True)
    with pytest.raises(InputError, match="pages that differ in shape"):
        read_volume(tmp_path / "a.tif")


def test_the_largest_level_of_a_pyramid_is_read(tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 255, (64, 48)).astype(np.uint8)
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(array, subifds=2, tile=(16, 16))
        file.write(array[::2, ::2], subfiletype=1, tile=(16, 16))
        file.write(array[::4, ::4], subfiletype=1, tile=(16, 16))
    np.testing.assert_array_equal(read_volume(tmp_path / "a.tif").array, array)
    with tifffile.TiffWriter(tmp_path / "b.tif") as file:
        file.write(array)
        file.write(array[::2, ::2], subfiletype=1)
    np.testing.assert_array_equal(read_volume(tmp_path / "b.tif").array, array)


@pytest.mark.parametrize("compression", ["group4", "group3", "packbits", None])
def test_a_fax_whose_white_is_zero_is_inverted(tmp_path: Path, compression: str | None) -> None:
    Image.fromarray(MASK).save(tmp_path / "a.tif", compression=compression)
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+") as file:
        file.pages.first.tags["PhotometricInterpretation"].overwrite(0)
    np.testing.assert_array_equal(read_volume(tmp_path / "a.tif").array, ~MASK)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("compression", [None, "packbits"])
def test_white_stored_as_zero_is_the_foreground(tmp_path: Path, bits: int, compression: str | None) -> None:
    stored = np.where(MASK, 0, 2**bits - 1).astype(f"u{bits // 8}")
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="miniswhite", compression=compression)
    np.testing.assert_array_equal(read_mask(tmp_path / "a.tif").array, MASK)


@pytest.mark.parametrize(("unit", "millimetres"), [("mm", 1), ("um", 1e-3), ("micron", 1e-3), ("\\u00B5m", 1e-3)])
def test_the_calibration_of_imagej_is_the_spacing(tmp_path: Path, unit: str, millimetres: float) -> None:
    metadata = {"spacing": 2.5, "unit": unit, "axes": "ZYX"}
    tifffile.imwrite(tmp_path / "a.tif", STACK.astype(np.uint8), imagej=True, resolution=(4, 2), metadata=metadata)
    volume = read_volume(tmp_path / "a.tif")
    assert volume.spacing == pytest.approx(np.multiply([2.5, 0.5, 0.25], millimetres))
    write_volume(tmp_path / "mask.tif", volume.array > 0, volume)
    written = read_volume(tmp_path / "mask.tif")
    assert written.spacing == pytest.approx(volume.spacing)
    np.testing.assert_array_equal(written.array > 0, STACK)


@pytest.mark.parametrize("shape", [(13, 22), (4, 13, 22), (3, 13, 22), (3, 4, 13, 22)])
def test_the_spacing_of_a_scan_is_written_to_ome_tiff(tmp_path: Path, shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).random(shape, np.float32)
    has_channels = shape[0] == 3
    like = Volume(array, np.diag([0.7, 0.8, 2.5, 1]), has_channels)
    for name in ("a.tif", "b.tif"):
        write_volume(tmp_path / name, array, like)
    volume = read_volume(tmp_path / "a.tif")
    assert volume.has_channels == has_channels
    assert volume.spacing == pytest.approx(like.spacing)
    np.testing.assert_array_equal(volume.array, array)
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


def test_dots_per_inch_are_no_spacing(tmp_path: Path) -> None:
    Image.fromarray(BYTES).save(tmp_path / "a.tif", dpi=(300, 300))
    assert read_volume(tmp_path / "a.tif").spacing == (1, 1)


@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("extension", [".jpg", ".png"])
def test_pictures_are_read_as_viewers_show_them(tmp_path: Path, extension: str, orientation: int, colours: int) -> None:
    path = tmp_path / f"photograph{extension}"
    pixels = BYTES if colours == 1 else np.stack([BYTES, BYTES // 2, BYTES // 3], axis=-1)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 100, "subsampling": 0} if extension == ".jpg" else {}
    Image.fromarray(pixels).save(path, exif=exif, **options)
    with Image.open(path) as image:
        shown = np.asarray(ImageOps.exif_transpose(image))
    array = read_volume(path).array
    assert np.array_equal(array if colours == 1 else np.moveaxis(array, 0, -1), shown)
    assert shown.shape[:2] == (MASK.shape[::-1] if orientation > 4 else MASK.shape)


def test_damaged_exif_data_do_not_matter(tmp_path: Path) -> None:
    Image.fromarray(BYTES).save(tmp_path / "a.png", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert np.array_equal(read_mask(tmp_path / "a.png").array, MASK)


def test_a_turned_tiff_file_is_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "turned.tif", BYTES, extratags=[(274, "H", 1, 6, True)])
    with pytest.raises(InputError, match=r"turned\.tif: got pixels turned by orientation 6, expected upright ones"):
        read_volume(tmp_path / "turned.tif")
