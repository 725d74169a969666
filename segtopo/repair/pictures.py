"""Pictures of a repair: the map, the mask before and after, and the edits in colours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

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
FONT_SIZE, LINE, GAP = 18, 28, 8


def draw_repair(path: Path, name: str, found: ProbabilityMap, repaired: ClassRepair) -> None:
    """Draws a repair and writes it to a PNG file.

    A 2D case has four panels. A 3D case has a row of panels for each axis along which it is projected.

    Args:
        path: The file.
        name: Name of the case.
        found: The probability maps.
        repaired: Their repair.
    """
    spacing = found.volume.spacing
    before = np.zeros(repaired.labels.shape, np.uint8)
    for label, repair in enumerate(repaired.repairs):
        before[repair.before] = label % len(CLASS_COLOURS) + 1
    after = repaired.labels
    after[after > 0] = (after[after > 0] - 1) % len(CLASS_COLOURS) + 1
    edits = np.zeros(before.shape, np.uint8)
    for repair in repaired.repairs:
        edits = np.maximum(edits, repair.label_map())
    classes = np.array([(0, 0, 0), *CLASS_COLOURS], np.uint8)
    as_is = found.volume.header is None  # pictures: rows and columns
    panels: list[Panel] = []
    for axis in range(before.ndim - 1, -1, -1) if before.ndim == 3 else (None,):
        projected = [_project(image, axis) for image in (found.foreground.max(axis=0), before, after, edits)]
        grey = (projected[0].astype(np.float32) * 255).astype(np.uint8)
        drawn = [
            np.repeat(grey[..., None], 3, axis=2),
            classes[projected[1]],
            classes[projected[2]],
            _edit_panel(projected[1], projected[3]),
        ]
        sizes = [s for a, s in enumerate(spacing) if a != axis]
        view = "" if axis is None else f", along {AXES[axis]}"
        scale = _scale(before.shape, spacing)
        panels += [
            (caption + view, _panel(pixels, sizes, as_is, scale))
            for caption, pixels in zip(CAPTIONS, drawn, strict=True)
        ]
    counts = Counter(edit.kind for repair in repaired.repairs for edit in repair.edits)
    _compose(panels, COLUMNS[before.ndim], name, counts).save(path)


def _project(image: npt.NDArray[Any], axis: int | None) -> npt.NDArray[Any]:
    return image if axis is None else np.asarray(image.max(axis=axis))


def _edit_panel(mask: npt.NDArray[Any], edits: npt.NDArray[Any]) -> Pixels:
    """Returns the dimmed mask with the edits in their colours."""
    colours = np.zeros((max(LABELS.values()) + 1, 3), np.uint8)
    for kind, label in LABELS.items():
        colours[label] = EDIT_COLOURS[kind]
    dimmed = np.array([(0, 0, 0), DIMMED], np.uint8)[(mask > 0).astype(np.uint8)]
    return np.where(edits[..., None] > 0, colours[edits], dimmed)


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
