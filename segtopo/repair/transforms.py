"""Repair as a transform of MONAI, for post-processing and bundles."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
from monai.config import KeysCollection
from monai.data.meta_tensor import MetaTensor
from monai.data.utils import affine_to_spacing
from monai.transforms.inverse import InvertibleTransform
from monai.transforms.transform import MapTransform, Transform
from monai.utils.enums import TransformBackends
from monai.utils.type_conversion import convert_to_dst_type

from segtopo.errors import InputError, mismatch
from segtopo.masks.components import Mask
from segtopo.persistence.inputs import as_numpy
from segtopo.repair.classes import repair_classes, repair_regions, sum_of_classes
from segtopo.repair.edits import Edit, Repair
from segtopo.repair.rules import RepairRules

if TYPE_CHECKING:
    import torch

RulesOption: TypeAlias = RepairRules | Mapping[str, Any] | str | Path
Edits: TypeAlias = list[tuple[Edit, ...]]
Image: TypeAlias = "npt.NDArray[Any] | torch.Tensor"


class RepairMask(Transform):  # type: ignore[misc]  # MONAI has no type information
    """Converts the probabilities of one case to a mask with repaired topology, in place of ``AsDiscrete``.

    The channels are one of three things:

    * one channel: the probability of one structure (sigmoid);
    * several channels: the classes of a softmax, the background first. Each foreground class is a structure. No voxel
      is in two of them, see :func:`repair_classes`;
    * several channels with ``regions=True``: structures that may overlap (sigmoid), see :func:`repair_regions`.

    The result is a label map (1, H, W[, D]): 0 the background, 1 the first structure, 2 the second. With
    ``to_onehot=True`` it has one channel for each label, the background first. Of regions it has one
    channel for each. It is of float32, as that of ``AsDiscrete``, and has the type, the device and the
    metadata of the input.

    Args:
        rules: The rules of all structures, or a list with one for each: :class:`RepairRules`, dictionaries of such
            rules, or paths of JSON files of ``segtopo calibrate``.
        regions: Whether each of several channels is a region that may overlap the others.
        to_onehot: Whether the result has one channel for each label.
        touching: False: no edit adds a voxel that touches another class.
        union_components: The largest number of components of the union of all classes. None: no limit.
        spacing: Size of a voxel along each axis in mm. None: that of a ``MetaTensor``, 1 for other arrays.
        num_threads: Threads to use; by default the number of CPUs. The result does not depend on it.

    Raises:
        InputError: A rule is unknown or out of its range, or the other options exclude each other.

    Example:
        >>> vessel = np.array([[[0.9, 0.8, 0.1, 0.7, 0.9], [0.0, 0.0, 0.0, 0.0, 0.0]]], np.float32)
        >>> RepairMask({"connect_above": 0.1, "min_piece_size": 0})(vessel)
        array([[[1., 1., 1., 1., 1.],
                [0., 0., 0., 0., 0.]]], dtype=float32)
    """

    backend = [TransformBackends.NUMPY]  # noqa: RUF012 -- MONAI reads it

    def __init__(
        self,
        rules: RulesOption | Sequence[RulesOption] = RepairRules(),  # noqa: B008 -- frozen
        *,
        regions: bool = False,
        to_onehot: bool = False,
        touching: bool = True,
        union_components: int | None = None,
        spacing: Sequence[float] | None = None,
        num_threads: int | None = None,
    ) -> None:
        self.rules = _as_rules(rules)
        self.regions = regions
        self.to_onehot = to_onehot
        self.touching = touching
        self.union_components = union_components
        self.spacing = spacing
        self.num_threads = num_threads
        for name, is_default in (
            ("to_onehot", not to_onehot),
            ("touching", touching),
            ("union_components", union_components is None),
        ):
            if regions and not is_default:
                expected = "the default, as regions that overlap have no label map"
                raise InputError(mismatch(name, got=getattr(self, name), expected=expected))

    def __call__(self, probabilities: Image) -> Image:
        """Returns the repaired mask.

        Args:
            probabilities: (C, H, W) or (C, H, W, D), see :class:`RepairMask`.

        Raises:
            TypeError: They are not an array of real numbers.
            InputError: They are outside of 0 to 1, have NaN or another shape, or are a batch; or the rules do not fit.
        """
        return self.repair(probabilities)[0]

    def repair(self, probabilities: Image) -> tuple[Image, Edits]:
        """Returns the repaired mask, and the edits of each structure in the order in which they apply."""
        repairs = self._repairs(probabilities)
        return self._encode([r.mask for r in repairs], probabilities), [r.edits for r in repairs]

    def undo(self, mask: Image, edits: Edits) -> Image:
        """Returns the mask before the repair.

        Args:
            mask: A repaired mask.
            edits: The edits of each structure that led to it.

        Raises:
            InputError: The mask has not as many structures as there are edits.
        """
        structures = self._decode(as_numpy(mask, "mask"), len(edits))
        if len(structures) != len(edits):
            got = f"those of {len(edits)} structures"
            raise InputError(mismatch("edits", got=got, expected=f"those of {len(structures)}"))
        for structure, of_structure in zip(structures, edits, strict=True):
            for edit in reversed(of_structure):
                structure[tuple(edit.voxels.T)] = not edit.adds
        return self._encode(structures, mask)

    def _repairs(self, probabilities: Image) -> tuple[Repair, ...]:
        array = as_numpy(probabilities, "probabilities")
        if array.ndim not in (3, 4) or getattr(probabilities, "is_batch", False):
            expected = "(C, H, W) or (C, H, W, D) of one case; decollate batches"
            raise InputError(mismatch("probabilities", got=f"shape {array.shape}", expected=expected))
        spacing = _spacing_of(probabilities) if self.spacing is None else self.spacing
        if self.regions:
            return repair_regions(array, self.rules, spacing=spacing, num_threads=self.num_threads).repairs
        if len(array) > 1:
            sum_of_classes(array)  # a sigmoid would make its first structure the background
        foreground = array[1:] if len(array) > 1 else array
        return repair_classes(
            foreground,
            self.rules,
            touching=self.touching,
            union_components=self.union_components,
            spacing=spacing,
            num_threads=self.num_threads,
        ).repairs

    def _decode(self, mask: npt.NDArray[Any], count: int) -> list[Mask]:
        """Returns the masks of the structures of a result; a label map does not know their number."""
        if self.to_onehot or self.regions:
            return [channel == 1 for channel in mask[int(self.to_onehot) :]]
        return [mask[0] == label for label in range(1, count + 1)]

    def _encode(self, structures: Sequence[Mask], like: Image) -> Image:
        """Converts the masks of the structures to the result, with the type and metadata of ``like``."""
        if self.regions:
            encoded = np.stack(structures)
        else:
            labels = np.zeros((1, *structures[0].shape), np.float32)
            for label, structure in enumerate(structures, start=1):
                labels[0][structure] = label
            numbers = np.arange(len(structures) + 1).reshape(-1, *[1] * structures[0].ndim)
            encoded = labels == numbers if self.to_onehot else labels
        converted: Image = convert_to_dst_type(encoded.astype(np.float32), like, dtype=np.float32)[0]
        return converted


class RepairMaskd(MapTransform, InvertibleTransform):  # type: ignore[misc]  # MONAI has no type information
    """:class:`RepairMask` of items of a dictionary, in place of ``AsDiscreted``.

    The edits of each structure are stored beside the mask, under ``pred_edits`` for the key ``pred``: a list with one
    tuple of :class:`Edit` for each structure. ``inverse`` undoes these edits: it returns the mask before the repair,
    and removes the list.

    The transform belongs after ``decollate_batch``, as all post-processing of MONAI: a list of edits cannot be
    collated.

    Args:
        keys: The keys of the probabilities.
        rules: See :class:`RepairMask`.
        edits_key_postfix: The edits of ``key`` have the key ``{key}_{edits_key_postfix}``.
        allow_missing_keys: Whether a missing key is no error.
        **options: The other options of :class:`RepairMask`.

    Raises:
        InputError: As :class:`RepairMask`.

    Example:
        >>> import torch
        >>> case = {"pred": torch.tensor([[[0.9, 0.8, 0.1, 0.7], [0.0, 0.0, 0.0, 0.0]]])}
        >>> transform = RepairMaskd("pred", {"connect_above": 0.1, "min_piece_size": 0})
        >>> repaired = transform(case)
        >>> repaired["pred"][0, 0], repaired["pred_edits"]
        (tensor([1., 1., 1., 1.]), [(Edit('joined' at (0, 2), probability 0.1, size 1),)])
        >>> transform.inverse(repaired)
        {'pred': tensor([[[1., 1., 0., 1.],
         [0., 0., 0., 0.]]])}
    """

    backend = RepairMask.backend

    def __init__(
        self,
        keys: KeysCollection,
        rules: RulesOption | Sequence[RulesOption] = RepairRules(),  # noqa: B008 -- frozen
        edits_key_postfix: str = "edits",
        allow_missing_keys: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.edits_key_postfix = edits_key_postfix
        self.transform = RepairMask(rules, **options)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Returns the dictionary with the repaired masks and their edits."""
        case = dict(data)
        for key in self.key_iterator(case):
            case[key], case[self.edits_key(key)] = self.transform.repair(case[key])
        return case

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Returns the dictionary with the masks before the repair, without the edits.

        Raises:
            InputError: The edits of a mask are missing.
        """
        case = dict(data)
        for key in self.key_iterator(case):
            edits = self.edits_key(key)
            if edits not in case:
                raise InputError(mismatch(edits, got="no such key", expected="the edits that RepairMaskd has stored"))
            case[key] = self.transform.undo(case[key], case.pop(edits))
        return case

    def edits_key(self, key: Hashable) -> str:
        """Returns the key of the edits of a mask."""
        return f"{key}_{self.edits_key_postfix}"


def _as_rules(rules: RulesOption | Sequence[RulesOption]) -> RepairRules | list[RepairRules]:
    if isinstance(rules, Sequence) and not isinstance(rules, str):
        return [_rules_of_one(entry) for entry in rules]
    return _rules_of_one(rules)


def _rules_of_one(rules: object) -> RepairRules:
    if isinstance(rules, RepairRules):
        return rules
    if isinstance(rules, str | Path):
        return RepairRules.load(rules)
    if isinstance(rules, Mapping):
        return RepairRules.of(dict(rules), "rules")
    expected = "RepairRules, a dictionary of rules, the path of a JSON file, or a list of these"
    raise TypeError(mismatch("rules", got=type(rules).__name__, expected=expected))


def _spacing_of(image: Image) -> list[float] | None:
    """Returns the size of a voxel of an image with metadata; of others None."""
    if not isinstance(image, MetaTensor):
        return None
    return [float(size) for size in affine_to_spacing(image.affine, r=image.ndim - 1)]
