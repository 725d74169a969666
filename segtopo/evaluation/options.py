"""The settings of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from segtopo.errors import InputError, mismatch
from segtopo.evaluation.scores import SCORE_GROUPS, ScoreOptions
from segtopo.evaluation.structures import Labels, Structure, structures_of
from segtopo.persistence import Construction
from segtopo.persistence.inputs import check_construction, check_integer


@dataclass(frozen=True, kw_only=True)
class EvaluationOptions:
    """The settings of an evaluation: the structures, the voxels that count, and the scores.

    Args:
        labels: Structures of label maps: a list of labels, each a structure of its own, or a mapping from names to
            labels, where several labels are scored as their union. A text label is the name of a segment in a
            ``.seg.nrrd`` file or a DICOM segmentation. None for binary masks.
        threshold: The predictions are maps, for instance of probabilities, and the voxels above it are the prediction.
            It is in the units of the files. Only with one structure. None: the predictions are masks.
        ignore_label: Value of the references that marks undecided voxels. They become background in both masks.
        trust_grid: Whether the positions of prediction and reference in space may differ; only their shapes must agree.
        construction: ``"T"``: the foreground is 8- or 26-connected. ``"V"``: it is 4- or 6-connected.
        scores: Names of the groups of scores to compute, keys of :data:`segtopo.evaluation.SCORE_GROUPS`.
        score_options: Settings of the scores.
        min_error_size: Topological errors whose region has fewer voxels are not listed. The scores count them.
        label_map: Whether each case gets an image of its errors, ``errors.nii.gz`` (or ``.png``, ``.tif``).
        markups: Whether each case gets points at its errors for 3D Slicer, ``errors.mrk.json``.
        pictures: Whether each case gets pictures; the HTML report shows them.

    Raises:
        InputError: An option has a value that it cannot have.

    Example:
        >>> options = EvaluationOptions(labels={"artery": 1, "tree": (1, 2)}, scores=("overlap",))
        >>> [structure.name for structure in options.structures]
        ['artery', 'tree']
    """

    labels: Labels | None = None
    threshold: float | None = None
    ignore_label: int | None = None
    trust_grid: bool = False
    construction: Construction = "T"
    scores: tuple[str, ...] = tuple(SCORE_GROUPS)
    score_options: ScoreOptions = field(default_factory=ScoreOptions)
    min_error_size: int = 1
    label_map: bool = False
    markups: bool = False
    pictures: bool = False

    def __post_init__(self) -> None:
        check_construction(self.construction)
        check_integer(self.min_error_size, "min_error_size", 1)
        structures = self.structures
        if self.threshold is not None and len(structures) > 1:
            expected = "one structure: a map has no labels"
            raise InputError(mismatch("threshold", got=f"{len(structures)} structures", expected=expected))
        unknown = [name for name in self.scores if name not in SCORE_GROUPS]
        if unknown or not self.scores:
            got = repr(unknown[0]) if unknown else "no group"
            raise InputError(mismatch("scores", got=got, expected=f"some of {', '.join(SCORE_GROUPS)}"))

    @cached_property
    def structures(self) -> tuple[Structure, ...]:
        """The structures to score."""
        return structures_of(self.labels)
