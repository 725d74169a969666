"""Files of a simulated data set: images with their labels, and a JSON file with the parameters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from segtopo.errors import InputError, mismatch
from segtopo.phantoms.appearance import Image
from segtopo.volumes import Volume, image_extension, write_volume


def lossless_extension(file_format: str | None, default: str) -> str:
    """Returns the extension of a file format, or the default.

    Raises:
        InputError: The format is unsupported, or JPEG, which would change the labels.
    """
    extension = image_extension(f"image{file_format or default}")
    if extension in {".jpg", ".jpeg"}:
        expected = f"a lossless format, for instance {default}"
        raise InputError(mismatch("file_format", got=file_format, expected=expected))
    return extension


def write_case(folder: Path, name: str, image: Image, label: Volume) -> None:
    """Writes an image with values in [0, 1] to ``images`` as 0 to 255, and its label to ``labels``."""
    write_volume(folder / "images" / name, np.round(image * 255).astype(np.uint8), label)
    write_volume(folder / "labels" / name, label.array, label)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes parameters and cases to an indented JSON file."""
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
