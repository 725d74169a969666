"""Points in space with names, as markups for 3D Slicer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

SLICER_SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/"
    "Modules/Loadable/Markups/Resources/Schema/markups-schema-v1.0.3.json#"
)


class Point(NamedTuple):
    """A point with a name.

    Attributes:
        label: Its name.
        description: A sentence about it.
        world: RAS+ coordinates in mm.
    """

    label: str
    description: str
    world: tuple[float, float, float]


def markups(name: str, points: Sequence[Point]) -> str:
    """Returns the content of a ``.mrk.json`` file with one list of points.

    Example:
        >>> text = markups("errors", [Point("gap", "3 mm long", (1.0, 2.0, 0.5))])
        >>> json.loads(text)["markups"][0]["controlPoints"][0]["position"]
        [1.0, 2.0, 0.5]
    """
    markup = {
        "type": "Fiducial",
        "name": name,
        "coordinateSystem": "RAS",
        "coordinateUnits": "mm",
        "controlPoints": [
            {
                "id": str(number),
                "label": point.label,
                "description": point.description,
                "position": [round(c, 3) for c in point.world],
            }
            for number, point in enumerate(points, start=1)
        ],
    }
    return json.dumps({"@schema": SLICER_SCHEMA, "markups": [markup]}, indent=2) + "\n"
