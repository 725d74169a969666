"""The section of a training's config that says which cases are used and how they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, model_validator

from segtopo.config.output_channels import OutputChannels
from segtopo.config.preprocessing import Normalization
from segtopo.config.regions import Painted, RegionsByName, check_regions, default_painted
from segtopo.config.section import ConfigPath, NonNegativeInt, RegularExpression, Section, Seed, Spacing
from segtopo.errors import mismatch

if TYPE_CHECKING:
    from typing_extensions import Self

Label = Annotated[int, Field(ge=-(2**31), lt=2**31)]
ClassName = Annotated[str, Field(min_length=1)]


class Folders(Section):
    """Folders of images and labels, paired by file name: ``case.jpg`` and ``case.png``.

    The channels of an image may be files: ``case_0000.nii.gz`` and ``case_0001.nii.gz``, with the label
    ``case.nii.gz``.
    """

    images: ConfigPath
    labels: ConfigPath


class Split(Section):
    r"""A part of the training cases, set aside for validation.

    It is a ``fraction`` of them (by default 0.2), or one of ``folds`` parts: with ``folds: 5`` each case is validated
    by one of five trainings. ``fold`` is the number of the part, from 0; without it all folds are trained.

    ``group`` is a regular expression. The cases in whose names it finds the same text (its first group, if it has one)
    are not separated: ``'Image_(\d+)'`` keeps both eyes of a child in one set. ``seed`` is independent of the
    training's, so that fine-tuning with another seed validates on the same cases.
    """

    fraction: Annotated[float, Field(gt=0, lt=1)] | None = None
    folds: Annotated[int, Field(ge=2, le=1000)] | None = None
    fold: NonNegativeInt | None = None
    group: RegularExpression | None = None
    seed: Seed = 0

    @model_validator(mode="after")
    def _check_folds(self) -> Self:
        if self.folds is not None and self.fraction is not None:
            raise ValueError(mismatch("fraction", got="a value beside folds", expected="at most one of them"))
        if self.fold is not None and (self.folds is None or self.fold >= self.folds):
            expected = "no value without folds" if self.folds is None else f"a number from 0 to {self.folds - 1}"
            raise ValueError(mismatch("fold", got=self.fold, expected=expected))
        return self


class DataConfig(Section):
    """The cases, and how they are read.

    The cases are those of two folders (``train``), of a ``dataset.json`` of nnU-Net or of the Medical Segmentation
    Decathlon (``dataset``), or of a CSV file (``table``) with the columns ``image`` and ``label``. A ``dataset.json``
    also says the number of classes or the regions, and the label to ignore.

    ``classes`` counts the background; without regions the default is 2. ``label`` is the value of the foreground in the
    label files, for two classes. The voxels of the label ``ignore_label`` count in no loss and in no score.
    ``class_names`` are the names of the classes 1, 2 and so on for people who read results; those of a ``dataset.json``
    are the default.

    ``regions`` are structures that overlap, in the place of classes: a mapping of the name of each region to its
    labels, as ``{whole tumor: [1, 2, 3], tumor core: [2, 3]}``. The network has a channel for each, with a sigmoid. A
    prediction is a label map: each region writes its label of ``painted`` into its voxels, in this order, so outer
    regions come first. By default that is the only label of the region that no later region has. nnU-Net calls
    ``painted`` ``regions_class_order``.

    ``spacing`` is the distance between the voxels that the network sees, in mm, with the axes of ``patch_size``:
    ``native``, that of each image; ``auto``, the median of the training cases; or numbers. The axes of 3D images with
    a position lead to the right, to the front and to the head. Predictions are brought back to the grid of each image.
    """

    train: Folders | None = None
    dataset: ConfigPath | None = None
    table: ConfigPath | None = None
    validation: Folders | None = None
    split: Split | None = None
    regions: RegionsByName | None = None
    painted: Painted | None = Field(default_factory=lambda data: default_painted(data.get("regions")))
    classes: Annotated[int, Field(ge=2, le=255)] | None = Field(
        default_factory=lambda data: None if data.get("regions") else 2
    )
    class_names: tuple[ClassName, ...] | None = None
    label: Label | None = None
    ignore_label: Label | None = None
    channels: Annotated[tuple[NonNegativeInt, ...], Field(min_length=1)] | None = None
    spacing: Spacing = "native"
    normalization: Normalization

    @property
    def output_channels(self) -> OutputChannels:
        """The channels of the network. The number of the ignored voxels in label maps is one above the labels."""
        if self.regions is not None:
            names, labels = tuple(self.regions), tuple(self.regions.values())
        else:
            assert self.classes is not None  # _check_structures
            labels = tuple((label,) for label in range(1, self.classes))
            names = self.class_names or tuple(f"class {label}" for (label,) in labels)
        ignored = None if self.ignore_label is None else 1 + max(label for of in labels for label in of)
        return OutputChannels(labels, self.painted, ignored, names)

    @model_validator(mode="after")
    def _check_sources(self) -> Self:
        sources = {name: getattr(self, name) for name in ("train", "dataset", "table")}
        given = [name for name, source in sources.items() if source is not None]
        if not given:
            expected = (
                "folders of images and labels, or one of the keys dataset (a dataset.json) and table (a CSV file)"
            )
            raise ValueError(mismatch("train", got="no value", expected=expected))
        if len(given) > 1:
            got = f"a path beside {given[0]}"
            raise ValueError(mismatch(given[1], got=got, expected=f"either {given[1]} or {given[0]}"))
        if self.validation is not None and self.split is not None:
            raise ValueError(mismatch("split", got="a split beside validation", expected="at most one of them"))
        return self

    @model_validator(mode="after")
    def _check_structures(self) -> Self:
        if self.regions is not None:
            if self.classes is not None:
                got = f"{self.classes} beside regions"
                raise ValueError(mismatch("classes", got=got, expected="either classes or regions"))
            check_regions(self.regions, self.painted)
        elif self.classes is None:
            raise ValueError(mismatch("classes", got="null", expected="an integer from 2 to 255, or regions"))
        elif self.painted is not None:
            got = f"{list(self.painted)} without regions"
            raise ValueError(mismatch("painted", got=got, expected="no value, or regions"))
        return self

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        if self.class_names is None:
            return self
        if self.classes is None:
            got = f"{list(self.class_names)} beside regions"
            raise ValueError(mismatch("class_names", got=got, expected="no value: regions have names"))
        if len(self.class_names) != self.classes - 1:
            expected = f"{self.classes - 1}: one for each class except the background"
            raise ValueError(mismatch("class_names", got=f"{len(self.class_names)} names", expected=expected))
        return self

    @model_validator(mode="after")
    def _check_labels(self) -> Self:
        if self.label is not None and self.classes != 2:
            got = f"{self.label} with {'regions' if self.classes is None else f'{self.classes} classes'}"
            raise ValueError(mismatch("label", got=got, expected="no value, or classes: 2"))
        structures = {0, self.label}
        if self.classes != 2:
            structures = {0, *(label for labels in self.output_channels.of_channels for label in labels)}
        if self.ignore_label is not None and self.ignore_label in structures:
            expected = f"a label that is neither the background nor {'a class' if self.classes else 'in a region'}"
            raise ValueError(mismatch("ignore_label", got=self.ignore_label, expected=expected))
        return self
