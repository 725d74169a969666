"""The folder of finished cases: their files, and their scores, with which a rerun skips them."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from dataclasses import asdict, replace
from math import isnan
from pathlib import Path
from typing import Any

from segtopo import __version__
from segtopo.atomic_output import atomic_output, output_errors
from segtopo.case_records import file_states
from segtopo.errors import InputError, mismatch
from segtopo.evaluation.case_masks import Case
from segtopo.evaluation.case_scores import CaseResult, CaseScores, PlacedError
from segtopo.evaluation.diagrams import MapFeature
from segtopo.evaluation.options import EvaluationOptions
from segtopo.evaluation.pictures import Picture
from segtopo.part_folders import remove_abandoned

CASES = "cases"
SCORES = "scores.json"
DRAWN = "drawn.json"  # pictures and diagrams


def case_key(case: Case, options: EvaluationOptions) -> str:
    """Returns a text that changes with the files of a case, the settings or the version of segtopo.

    A file is known by its path, its size and the time of its last change.
    """
    paths = (case.pair.prediction, case.pair.reference, case.roi, case.image)
    content = [__version__, asdict(options), [None if path is None else file_states(path) for path in paths]]
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


class CaseStore:
    """The finished cases of an evaluation, in a folder of their own each.

    Args:
        out: Folder of the reports.
    """

    def __init__(self, out: Path) -> None:
        self._folder = out / CASES

    def remove_abandoned(self) -> None:
        """Removes the hidden folders that killed processes have left among the finished cases."""
        remove_abandoned(self._folder)

    def folder(self, name: str) -> Path:
        """Returns the folder of a case.

        Raises:
            InputError: The name leads out of the folder of cases.
        """
        folder = self._folder / name
        if not folder.resolve().is_relative_to(self._folder.resolve()) or folder == self._folder:
            raise InputError(mismatch("case", got=repr(name), expected="a name inside the folder of reports"))
        return folder

    def load(self, name: str, key: str) -> CaseResult | None:
        """Returns the result of a case that is finished and has the key; otherwise None."""
        folder = self.folder(name)
        try:
            content = json.loads((folder / SCORES).read_text(encoding="utf-8"))
            if content["key"] != key:
                return None
            files = {file: (folder / file).read_bytes() for file in content["files"]}
            drawn = json.loads((folder / DRAWN).read_text(encoding="utf-8"))
            scores = tuple(_scores_from(name, entry, drawn) for entry in content["structures"])
        except (OSError, ValueError, KeyError, TypeError):
            return None  # unfinished, or of another version
        return CaseResult(scores, tuple(content["remarks"]), files)

    def save(self, name: str, key: str, result: CaseResult) -> None:
        """Writes the files of a case, its scores last."""
        folder = self.folder(name)
        with output_errors(folder / SCORES):
            (folder / SCORES).unlink(missing_ok=True)
        drawn = {of.structure: _as_drawn_entry(of) for of in result.scores}
        for file, content in {**result.files, DRAWN: json.dumps(drawn).encode()}.items():
            with atomic_output(folder / file) as part:
                part.write_bytes(content)
        text = {
            "case": name,
            "key": key,
            "remarks": result.remarks,
            "structures": [_as_entry(scores) for scores in result.scores],
            "files": list(result.files),
        }
        with atomic_output(folder / SCORES) as part:
            part.write_text(json.dumps(text, indent=1) + "\n", encoding="utf-8")


def _as_entry(scores: CaseScores) -> dict[str, Any]:
    entry = asdict(replace(scores, pictures=(), features=()))
    del entry["case"], entry["pictures"], entry["features"]
    return entry | {"numbers": {name: None if isnan(number) else number for name, number in scores.numbers.items()}}


def _scores_from(case: str, entry: dict[str, Any], drawn: dict[str, Any]) -> CaseScores:
    numbers = {name: float("nan") if number is None else number for name, number in entry["numbers"].items()}
    errors = tuple(
        PlacedError(**error | {"voxel": tuple(error["voxel"]), "world": tuple(error["world"])})
        for error in entry["errors"]
    )
    of_structure = drawn[entry["structure"]]
    pictures = tuple(_picture_from(picture) for picture in of_structure["pictures"])
    features = tuple(MapFeature(**of | {"voxel": tuple(of["voxel"])}) for of in of_structure["features"])
    return CaseScores(case, entry["structure"], entry["ndim"], entry["present"], numbers, errors, pictures, features)


def _as_drawn_entry(scores: CaseScores) -> dict[str, Any]:
    return {
        "pictures": [_as_picture_entry(picture) for picture in scores.pictures],
        "features": [asdict(feature) for feature in scores.features],
    }


def _as_picture_entry(picture: Picture) -> dict[str, Any]:
    return {**asdict(picture), "png": b64encode(picture.png).decode("ascii")}


def _picture_from(entry: dict[str, Any]) -> Picture:
    pairs = {name: tuple(entry[name]) for name in ("axes", "spacing", "flipped", "origin")}
    return Picture(**entry | pairs | {"png": b64decode(entry["png"])})
