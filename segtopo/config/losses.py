"""The losses that a config can name. Their sections are derived from the options of the classes.

A network of a config gives logits, and the data say whether its channels are classes or regions: they fix the
activation and the encoding, and every other option has the type, the bounds and the default of the class in Python.
"""

from __future__ import annotations

import inspect
import warnings
from abc import abstractmethod
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
from segtopo.config.error_messages import show
from segtopo.config.output_channels import OutputChannels
from segtopo.config.section import Section
from segtopo.errors import InputError, mismatch
from segtopo.losses.channel_loss import ChannelLoss
from segtopo.losses.channel_options import ChannelOptions, option_types
from segtopo.losses.options import NonNegative

#: Options that follow from the networks and the labels of a training.
FIXED = {"to_onehot_y", "sigmoid", "softmax", "other_act", "reduction", "ignore_index"}
#: Of classes there are logits and label maps; of regions logits and masks, one channel in each item.
CLASSES: dict[str, Any] = {"to_onehot_y": True, "softmax": True}
REGIONS: dict[str, Any] = {"sigmoid": True}
#: Options that say something about several channels, which a loss of regions never sees together: the value to keep.
ONE_CHANNEL = {"include_background": True, "weight": None, "batch": False, "priors": None}


class LossSection(Section):
    """A loss by the name of its class, with options of the class."""

    name: str

    def options(self) -> dict[str, Any]:
        """Returns the options as plain data."""
        return self.model_dump(exclude={"name"})

    def build(self) -> nn.Module:
        """Builds the loss module."""
        loss: nn.Module = getattr(losses, self.name)(**self.options())
        return loss


class WholeLossSection(LossSection):
    """The loss of a training."""

    @abstractmethod
    def build(self, ignore_index: int | None = None, has_regions: bool = False) -> nn.Module:
        """Builds the loss module, for outputs and targets of :meth:`OutputChannels.for_loss`.

        Args:
            ignore_index: The value of the voxels in the target that do not count.
            has_regions: Whether the channels are regions, not classes.
        """

    def check(self, dimensions: int, channels: OutputChannels) -> None:
        """Computes the loss of a tiny image, so that options that do not fit the images are found at once.

        Args:
            dimensions: Number of axes of the patches, 2 or 3.
            channels: The channels of the network.

        Raises:
            InputError: If an option does not fit. The message begins with its key.
        """
        if channels.has_regions:
            _check_one_channel(self)
        self._compute(self.build(None, channels.has_regions), dimensions, channels)

    @staticmethod
    def _compute(loss: nn.Module, dimensions: int, channels: OutputChannels) -> None:
        logits, labels = (torch.zeros(1, number, *[4] * dimensions) for number in (channels.number, 1))
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loss(*channels.for_loss(logits, labels))


def _check_one_channel(section: LossSection) -> None:
    """Refuses options that say something about several channels."""
    for key, kept in ONE_CHANNEL.items():
        if getattr(section, key, kept) != kept:
            expected = f"{show(kept)}: each region is compared alone, and has no background"
            raise InputError(mismatch(key, got=show(getattr(section, key)), expected=expected))


class _DiceCESection(WholeLossSection):
    """``monai.losses.DiceCELoss``: Dice plus cross entropy."""

    def build(self, ignore_index: int | None = None, has_regions: bool = False) -> nn.Module:
        """Builds the loss module; see :meth:`WholeLossSection.build`."""
        options = self.options() | (REGIONS if has_regions else CLASSES)
        if ignore_index is not None:  # MONAI's loss has no such argument
            return losses.CombinedTopologyLoss(lambda_topology=0.0, ignore_index=ignore_index, **options)
        weight = options.pop("weight")
        weight = None if weight is None else torch.tensor(weight, dtype=torch.float32)
        loss: nn.Module = monai.losses.DiceCELoss(weight=weight, **options)
        return loss

    def check(self, dimensions: int, channels: OutputChannels) -> None:
        """Checks the number of weights before MONAI does."""
        weight, number = self.options()["weight"], channels.number
        if weight is not None and not channels.has_regions and len(weight) != number:
            raise InputError(mismatch("weight", got=f"{len(weight)} values", expected=f"{number}, one for each class"))
        super().check(dimensions, channels)


class _CombinedSection(WholeLossSection):
    """``segtopo.losses.CombinedTopologyLoss``: Dice, cross entropy and a topological loss."""

    if TYPE_CHECKING:  # the keys are derived below
        topology_loss: LossSection

    def build(self, ignore_index: int | None = None, has_regions: bool = False) -> losses.CombinedTopologyLoss:
        """Builds the loss module; see :meth:`WholeLossSection.build`."""
        options = self.options() | (REGIONS if has_regions else CLASSES)
        options["schedule"] = losses.TopologySchedule(**options["schedule"])
        options["topology_loss"] = self.topology_loss.build()
        return losses.CombinedTopologyLoss(ignore_index=ignore_index, **options)

    def check(self, dimensions: int, channels: OutputChannels) -> None:
        """Computes the topological loss alone and the whole loss, so that the error names the right key."""
        try:
            if channels.has_regions:
                _check_one_channel(self.topology_loss)
            self._compute(self.build(None, channels.has_regions).topology_loss, dimensions, channels)
        except InputError as error:
            raise InputError(f"topology_loss.{error}") from None
        super().check(dimensions, channels)


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
    LossConfig: TypeAlias = WholeLossSection
else:
    LossConfig = Annotated[
        _section("DiceCELoss", _DiceCESection, _DICE_CE_KEYS)
        | _section("CombinedTopologyLoss", _CombinedSection, {"topology_loss": _TOPOLOGY_LOSS, **_COMBINED_KEYS}),
        Field(discriminator="name"),
    ]
