"""Pictures of a repair: the map, the mask before and after, and the edits in colours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter

from segtopo.atomic_output import atomic_output
from segtopo.masks.components import bounding_box
from segtopo.repair.classes import ClassRepair
from segtopo.repair.edit_tables import AXES
from segtopo.repair.edits import LABELS, EditKind
from segtopo.repair.probability_map import ProbabilityMap

if TYPE_CHECKING:
    from PIL.Image import Image

Pixels = npt.NDArray[np.uint8]
Panel: TypeAlias = "tuple[str, Image]"  # with its caption

#: The colours of Okabe and Ito, which people with any kind of colour vision can tell apart.
EDIT_COLOURS: dict[EditKind, tuple[int, int, int]] = {
    "joined": (86, 180, 233),
    "piece removed": (213, 94, 0),
    "hole filled": (240, 228, 66),
    "cavity filled": (240, 228, 66),
    "loop opened": (204, 121, 167),
}
CLASS_COLOURS = ((255, 255, 255), (0, 158, 115), (0, 114, 178), (230, 159, 0), (150, 150, 150))
DIMMED = (90, 90, 90)
CAPTIONS = ("probability", "mask before", "mask after", "edits")
PANEL_SIZE = {2: 960, 3: 420}  # small images are enlarged to it at most, by whole numbers
LARGEST_PANEL = 1600
COLUMNS = {2: 2, 3: 4}
LEAST_PIXELS = 3
MARGIN = 5  # voxels around the masks
FONT_SIZE, LINE, GAP = 18, 28, 8


def draw_repair(path: Path, name: str, found: ProbabilityMap, repaired: ClassRepair) -> None:
    """Draws a repair and writes it to a PNG file.

    A 2D case has four panels. A 3D case is cropped to its masks and has a row of panels for each axis along which it is
    projected. Where a voxel has less than three pixels, edits are drawn one voxel wider.

    Args:
        path: The file.
        name: Name of the case.
        found: The probability maps.
        repaired: Their repair.
    """
    images = _images(found, repaired)
    ndim, spacing = images[0].ndim, found.volume.spacing
    as_is = found.volume.header is None  # pictures: rows and columns
    scale = _scale(images[0].shape, spacing)
    panels: list[Panel] = []
    for axis in range(ndim - 1, -1, -1) if ndim == 3 else (None,):
        projected = [image if axis is None else image.max(axis=axis) for image in images]
        sizes = [s for a, s in enumerate(spacing) if a != axis]
        view = "" if axis is None else f", along {AXES[axis]}"
        drawn = _drawings(projected, widened=scale * min(spacing) < LEAST_PIXELS)
        panels += [
            (caption + view, _panel(pixels, sizes, as_is, scale))
            for caption, pixels in zip(CAPTIONS, drawn, strict=True)
        ]
    counts = Counter(edit.kind for repair in repaired.repairs for edit in repair.edits)
    with atomic_output(path) as part:
        _compose(panels, COLUMNS[ndim], name, counts).save(part)


def _images(found: ProbabilityMap, repaired: ClassRepair) -> list[npt.NDArray[Any]]:
    """Returns the largest probability, the labels before and after, and the edits; in 3D in a box around the masks."""
    before, after = repaired.labels_before, repaired.labels
    edits = np.zeros(after.shape, np.uint8)
    for repair in repaired.repairs:
        edits = np.maximum(edits, repair.label_map())
    box = (slice(None),) * after.ndim
    if after.ndim == 3 and (before.any() or after.any()):
        inside = bounding_box((before > 0) | (after > 0))
        box = tuple(slice(max(b.start - MARGIN, 0), b.stop + MARGIN) for b in inside)
    largest = found.foreground.max(axis=0)
    return [largest[box], before[box], after[box], edits[box]]


def _drawings(images: Sequence[npt.NDArray[Any]], widened: bool) -> list[Pixels]:
    """Returns four images in colours: the map in grey, both masks, and the edits over the dimmed mask."""
    largest, before, after, edits = images
    grey = (largest.astype(np.float32) * 255).astype(np.uint8)
    classes = np.array(CLASS_COLOURS, np.uint8)
    masks = [
        np.where(labels[..., None] > 0, classes[labels.astype(int) % len(classes) - 1], 0) for labels in (before, after)
    ]
    colours = np.zeros((max(LABELS.values()) + 1, 3), np.uint8)
    for kind, label in LABELS.items():
        colours[label] = EDIT_COLOURS[kind]
    if widened:
        edits = np.where(edits > 0, edits, maximum_filter(edits, 3))
    dimmed = np.where(before[..., None] > 0, np.array(DIMMED, np.uint8), 0)
    over = np.where(edits[..., None] > 0, colours[edits], dimmed)
    return [np.asarray(pixels, np.uint8) for pixels in (np.repeat(grey[..., None], 3, axis=2), *masks, over)]


def _scale(shape: Sequence[int], spacing: Sequence[float]) -> float:
    """Returns the pixels per mm of all panels of a case."""
    finest = min(spacing)
    longest = max(n * s / finest for n, s in zip(shape, spacing, strict=True))
    zoom = max(1, PANEL_SIZE[len(shape)] // longest)
    return min(zoom, LARGEST_PANEL / longest) / finest


def _panel(pixels: Pixels, spacing: Sequence[float], as_is: bool, scale: float) -> Image:
    """Returns an image of square pixels; the first axis of a volume points right, the second up."""
    from PIL import Image

    if not as_is:
        pixels, spacing = pixels.transpose(1, 0, 2)[::-1], spacing[::-1]
    height, width = (max(1, round(n * s * scale)) for n, s in zip(pixels.shape, spacing, strict=False))
    shrinks = height < pixels.shape[0] or width < pixels.shape[1]
    method = Image.Resampling.BOX if shrinks else Image.Resampling.NEAREST
    return Image.fromarray(np.ascontiguousarray(pixels)).resize((width, height), method)


def _compose(panels: Sequence[Panel], columns: int, name: str, counts: Counter[EditKind]) -> Image:
    """Puts panels with their captions into rows, below a title and above a legend."""
    from PIL import Image, ImageDraw, ImageFont

    rows = [panels[i : i + columns] for i in range(0, len(panels), columns)]
    widths = [max(row[c][1].width for row in rows) + GAP for c in range(columns)]
    heights = [max(panel.height for _, panel in row) + LINE + GAP for row in rows]
    font = ImageFont.load_default(FONT_SIZE)
    title = f"{name}: {counts.total()} edits"
    legend = [(f"{kind}: {counts[kind]}", EDIT_COLOURS[kind]) for kind in EDIT_COLOURS if counts[kind]]
    legend_widths = [int(font.getlength(text)) + LINE + 3 * GAP for text, _ in legend]
    width = int(max(sum(widths) + GAP, font.getlength(title) + 2 * GAP, sum(legend_widths) + 2 * GAP))
    sheet = Image.new("RGB", (width, 2 * LINE + sum(heights) + 2 * GAP), (32, 32, 32))
    draw = ImageDraw.Draw(sheet)
    draw.text((GAP, GAP), title, (255, 255, 255), font)
    y = LINE + GAP
    for r, row in enumerate(rows):
        for c, (caption, panel) in enumerate(row):
            x = GAP + sum(widths[:c])
            draw.text((x, y), caption, (200, 200, 200), font)
            sheet.paste(panel, (x, y + LINE))
        y += heights[r]
    x = GAP
    for (text, colour), step in zip(legend, legend_widths, strict=True):
        draw.rectangle((x, y + 2, x + FONT_SIZE, y + 2 + FONT_SIZE), fill=colour)
        draw.text((x + LINE, y), text, (255, 255, 255), font)
        x += step
    return sheet
