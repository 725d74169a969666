"""The scores of one case, after its files are read once for all structures."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from segtopo.evaluation.case_masks import Case, CaseMasks, read_case
from segtopo.evaluation.case_scores import CaseResult, CaseScores, PlacedError
from segtopo.evaluation.diagrams import MapFeature, map_features
from segtopo.evaluation.error_files import error_image, error_markups, error_regions
from segtopo.evaluation.options import EvaluationOptions
from segtopo.evaluation.pictures import Picture, case_pictures
from segtopo.evaluation.scores import MaskPair, compute_scores
from segtopo.evaluation.structures import Structure
from segtopo.volumes import onto_grid, read_volume
from segtopo.volumes.mask_files import FOREGROUND


def score_case(
    case: Case,
    options: EvaluationOptions = EvaluationOptions(),  # noqa: B008 -- frozen
    num_threads: int | None = None,
) -> CaseResult:
    """Reads the files of a case and scores its structures.

    Args:
        case: The files.
        options: The structures, the voxels that count and the scores.
        num_threads: Threads to use; by default the number of CPUs. The scores do not depend on it.

    Returns:
        The scores of each structure, remarks about the files, and the outputs of the case.

    Raises:
        InputError: A file cannot be used as a mask, or the two lie on different grids.
    """
    masks = read_case(case, options)
    image = _image(case, masks)
    scores: list[CaseScores] = []
    files: dict[str, bytes] = {}
    for structure, prediction, reference in masks.structures():
        spacing = masks.reference.spacing
        pair = MaskPair(prediction, reference, spacing, options.construction, num_threads, options.score_options)
        scores.append(_score(structure, pair, masks, image))
        files |= _files(scores[-1], pair, masks)
    return CaseResult(tuple(scores), _remarks(masks), files)


def _image(case: Case, masks: CaseMasks) -> npt.NDArray[Any] | None:
    """Reads the image of a 2D case, for its picture."""
    if case.image is None or not masks.options.pictures or masks.reference.ndim != 2:
        return None
    image = onto_grid(read_volume(case.image), masks.reference, str(case.image), str(case.pair.reference))
    return image.array


def _score(structure: Structure, pair: MaskPair, masks: CaseMasks, image: npt.NDArray[Any] | None) -> CaseScores:
    options = masks.options
    errors = tuple(
        PlacedError.of(error, masks.reference.affine, pair.voxel_size)
        for error in pair.comparison.errors
        if error.region_size >= options.min_error_size
    )
    pictures: tuple[Picture, ...] = ()
    features: tuple[MapFeature, ...] = ()
    if options.pictures:
        voxels = [error.voxel for error in errors]
        rows_first = pair.ndim == 2 and masks.reference.header is None
        pictures = case_pictures(pair.prediction, pair.reference, voxels, pair.spacing, image, rows_first=rows_first)
        probability = masks.probability()
        if probability is not None:
            features = map_features(probability, pair.reference, pair.construction, pair.num_threads)
    present = any(pair.sizes)
    numbers = compute_scores(pair, options.scores)
    return CaseScores(masks.case.name, structure.name, pair.ndim, present, numbers, errors, pictures, features)


def _files(scores: CaseScores, pair: MaskPair, masks: CaseMasks) -> dict[str, bytes]:
    """Returns the files of a structure."""
    name = "errors" if scores.structure == FOREGROUND else f"errors_{scores.structure}"
    files: dict[str, bytes] = {}
    if masks.options.label_map:
        regions = error_regions(pair.prediction, pair.reference, scores.errors, pair.construction)
        files |= error_image(name, regions, masks.reference)
    if masks.options.markups:
        files |= error_markups(name, scores)
    return files


def _remarks(masks: CaseMasks) -> tuple[str, ...]:
    remarks = []
    if masks.prediction is None:
        remarks.append("There is no prediction; it counts as empty.")
    if unnamed := masks.unnamed_labels():
        listed = ", ".join(map(str, unnamed))
        remarks.append(f"The files have labels of no structure: {listed}.")
    return tuple(remarks)
