"""The losses that a config can name. Their sections are derived from the options of the classes.

A network of a config gives logits of all classes, and its labels are integers: the config fixes the activation and the
encoding, and every other option has the type, the bounds and the default of the class in Python.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, fields, is_dataclass
from functools import cache, reduce
from operator import or_
from types import GenericAlias, NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

import monai.losses
import torch
from pydantic import Field, create_model
from torch import nn
from typing_extensions import is_typeddict

from segtopo import losses
from segtopo.config.section import Section
from segtopo.errors import InputError, mismatch
from segtopo.losses.channel_loss import ChannelLoss
from segtopo.losses.channel_options import ChannelOptions, option_types
from segtopo.losses.options import NonNegative

#: Options that follow from the networks and the labels of a training.
FIXED = {"to_onehot_y", "sigmoid", "softmax", "other_act", "reduction", "ignore_index"}
LOGITS_AND_LABELS: dict[str, Any] = {"to_onehot_y": True, "softmax": True}


class LossSection(Section):
    """A loss by the name of its class, with options of the class."""

    name: str

    def options(self) -> dict[str, Any]:
        """Returns the options as plain data."""
        return self.model_dump(exclude={"name"})

    def build(self, ignore_index: int | None = None) -> nn.Module:
        """Builds the loss module, for logits ``(B, C, H, W[, D])`` and labels ``(B, 1, H, W[, D])``.

        Args:
            ignore_index: The label of the voxels that do not count.
        """
        loss: nn.Module = getattr(losses, self.name)(ignore_index=ignore_index, **self.options())
        return loss

    def check(self, dimensions: int, classes: int) -> None:
        """Computes the loss of a tiny image, so that options that do not fit the images are found at once.

        Args:
            dimensions: Number of axes of the patches, 2 or 3.
            classes: Number of classes, the background included.

        Raises:
            InputError: If an option does not fit. The message begins with its key.
        """
        self._compute(self.build(), dimensions, classes)

    @staticmethod
    def _compute(loss: nn.Module, dimensions: int, classes: int) -> None:
        logits, labels = (torch.zeros(1, channels, *[4] * dimensions) for channels in (classes, 1))
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loss(logits, labels)


class _DiceCESection(LossSection):
    """``monai.losses.DiceCELoss``: Dice plus cross entropy."""

    def build(self, ignore_index: int | None = None) -> nn.Module:
        """Builds the loss module; see :meth:`LossSection.build`."""
        options = self.options()
        if ignore_index is not None:  # MONAI's loss has no such argument
            return losses.CombinedTopologyLoss(
                lambda_topology=0.0, ignore_index=ignore_index, **LOGITS_AND_LABELS, **options
            )
        weight = options.pop("weight")
        weight = None if weight is None else torch.tensor(weight, dtype=torch.float32)
        loss: nn.Module = monai.losses.DiceCELoss(weight=weight, **LOGITS_AND_LABELS, **options)
        return loss

    def check(self, dimensions: int, classes: int) -> None:
        """Checks the number of weights before MONAI does."""
        weight = self.options()["weight"]
        if weight is not None and len(weight) != classes:
            raise InputError(mismatch("weight", got=f"{len(weight)} values", expected=f"{classes}, one for each class"))
        super().check(dimensions, classes)


class _CombinedSection(LossSection):
    """``segtopo.losses.CombinedTopologyLoss``: Dice, cross entropy and a topological loss."""

    if TYPE_CHECKING:  # the keys are derived below
        topology_loss: LossSection

    def build(self, ignore_index: int | None = None) -> losses.CombinedTopologyLoss:
        """Builds the loss module; see :meth:`LossSection.build`."""
        options = self.options()
        options["schedule"] = losses.TopologySchedule(**options["schedule"])
        options["topology_loss"] = self.topology_loss.build()
        return losses.CombinedTopologyLoss(ignore_index=ignore_index, **LOGITS_AND_LABELS, **options)

    def check(self, dimensions: int, classes: int) -> None:
        """Computes the topological loss alone and the whole loss, so that the error names the right key."""
        try:
            self._compute(self.build().topology_loss, dimensions, classes)
        except InputError as error:
            raise InputError(f"topology_loss.{error}") from None
        super().check(dimensions, classes)


def data_type(annotation: Any) -> Any:
    """Returns the type of an option's values in a config, None if it has no plain data.

    Lists become tuples, mappings and dataclasses become sections; tensors, modules and functions are left out.
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        kept = data_type(arguments[0])
        return None if kept is None else Annotated.__class_getitem__((kept, *arguments[1:]))
    if origin in (Union, UnionType):
        branches = [kept for kept in map(data_type, arguments) if kept is not None]
        return None if branches == [NoneType] else reduce(or_, branches)
    if origin is Sequence:
        return GenericAlias(tuple, (data_type(arguments[0]), ...))
    if origin is tuple:
        return GenericAlias(tuple, tuple(map(data_type, arguments)))
    if is_typeddict(annotation) or is_dataclass(annotation):
        return _mapping_section(annotation)
    is_object = inspect.isclass(annotation) and issubclass(annotation, torch.Tensor | nn.Module)
    return None if is_object or origin is Callable else annotation


@cache
def _mapping_section(mapping: Any) -> type[Section]:
    """Returns the section for a typed dictionary or a dataclass."""
    hints = get_type_hints(mapping, include_extras=True)
    defaults = {item.name: item.default for item in fields(mapping)} if is_dataclass(mapping) else {}
    keys: dict[str, Any] = {name: (data_type(hint), defaults.get(name, ...)) for name, hint in hints.items()}
    return create_model(mapping.__name__, __base__=Section, __doc__=mapping.__doc__, **keys)


def option_keys(loss: type[ChannelOptions], left_out: Collection[str] = ()) -> dict[str, Any]:
    """Returns the keys of a loss's section: for each option its type and default."""
    parameters = inspect.signature(loss.__init__).parameters
    keys = {}
    for name, annotation in option_types(loss).items():
        kept, default = data_type(annotation), parameters[name].default
        if kept is not None and name not in {*FIXED, *left_out}:
            keys[name] = (kept, kept(**asdict(default)) if isinstance(default, losses.TopologySchedule) else default)
    return keys


def _section(name: str, base: type[LossSection], keys: dict[str, Any]) -> type[LossSection]:
    keys = {"name": (Literal[name], ...), **keys}
    return create_model(name, __base__=base, __doc__=base.__doc__, **keys)


#: The topological losses. The whole loss encodes and weighs their channels.
TOPOLOGY_SECTIONS = {
    name: _section(name, LossSection, option_keys(loss, left_out=("include_background", "weight")))
    for name, loss in ((name, getattr(losses, name)) for name in losses.__all__)
    if inspect.isclass(loss) and issubclass(loss, ChannelLoss)
}
_COMBINED_KEYS = option_keys(losses.CombinedTopologyLoss)
_TOPOLOGY_LOSS = (
    Annotated[reduce(or_, TOPOLOGY_SECTIONS.values()), Field(discriminator="name")],
    TOPOLOGY_SECTIONS["TopoLoss"](name="TopoLoss"),
)
_DICE_CE = inspect.signature(monai.losses.DiceCELoss).parameters
_DICE_CE_KEYS = {name: key for name, key in _COMBINED_KEYS.items() if name in _DICE_CE}
_DICE_CE_KEYS["weight"] = (tuple[NonNegative, ...] | None, None)

if TYPE_CHECKING:
    LossConfig: TypeAlias = LossSection
else:
    LossConfig = Annotated[
        _section("DiceCELoss", _DiceCESection, _DICE_CE_KEYS)
        | _section("CombinedTopologyLoss", _CombinedSection, {"topology_loss": _TOPOLOGY_LOSS, **_COMBINED_KEYS}),
        Field(discriminator="name"),
    ]
