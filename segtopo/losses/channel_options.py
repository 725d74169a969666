"""The options that all losses share: activation, one-hot targets, background, ignored voxels, weights, reduction."""

from __future__ import annotations

import inspect
from dataclasses import KW_ONLY, InitVar, dataclass, field
from typing import Any, get_type_hints

import torch
from monai.metrics.utils import create_ignore_mask
from monai.networks import one_hot
from torch.nn.modules.loss import _Loss
from typing_extensions import Self

from segtopo.errors import InputError, mismatch
from segtopo.losses.calls import warn_caller
from segtopo.losses.options import Activation, ClassWeight, Reduction, check_option
from segtopo.persistence.inputs import as_dense_tensor


@dataclass(eq=False, repr=False)
class ChannelOptions(_Loss):
    """The options of a loss that works on the channels of a batch, with the names of :class:`monai.losses.DiceLoss`.

    A loss is a dataclass: its fields are its options, and this class checks them against the bounds in their types.

    Args:
        include_background: If False, channel 0 is left out.
        to_onehot_y: If True, the target is a ``(B, 1, H, W[, D])`` label map of the input's channels.
        sigmoid: If True, a sigmoid is applied to the input.
        softmax: If True, a softmax over the channels is applied to the input.
        other_act: Another activation to apply to the input.
        reduction: ``"mean"`` or ``"sum"`` over items and channels, or ``"none"`` for ``(B, C, 1, 1[, 1])``.
        weight: Weights of the channels, none negative; one number weighs all channels. Without the background, there
            is none for channel 0. As in MONAI, a single channel is not weighted.
        ignore_index: Label of the voxels to ignore; input and target are set to 0 there. A one-hot target has no such
            label: a value outside of its channels ignores the voxels where all channels are 0.

    Raises:
        TypeError: If an option has a wrong type.
        InputError: If an option is out of its bounds, or more than one activation is chosen.
    """

    include_background: bool = True
    to_onehot_y: bool = False
    sigmoid: bool = False
    softmax: bool = False
    other_act: Activation | None = None
    _: KW_ONLY
    reduction: Reduction = "mean"
    weight: InitVar[ClassWeight] = None
    ignore_index: int | None = None

    class_weight: torch.Tensor | None = field(init=False)

    def __new__(cls, *args: object, **options: object) -> Self:
        """Makes an empty module. The ``__init__`` of a dataclass only assigns the options."""
        loss = super().__new__(cls)
        _Loss.__init__(loss)
        return loss

    def __post_init__(self, weight: ClassWeight) -> None:
        for name, annotation in option_types(type(self)).items():
            check_option(name, getattr(self, name) if name != "weight" else weight, annotation)
        if sum((self.sigmoid, self.softmax, self.other_act is not None)) > 1:
            raise InputError(mismatch("sigmoid, softmax, other_act", got="several activations", expected="at most one"))
        class_weight = None if weight is None else torch.as_tensor(weight, dtype=torch.float32)
        if class_weight is not None and (class_weight < 0).any():
            raise InputError(mismatch("weight", got=class_weight.tolist(), expected="numbers >= 0"))
        self.register_buffer("class_weight", class_weight)

    def prepare(self, input: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns probabilities and target channels of one shape and dtype, with ignored voxels set to 0."""
        input, target = check_image(input, "input"), check_target(target)
        prediction = self.prepare_alone(input)
        single = input.shape[1] == 1
        mask = create_ignore_mask(target, self.ignore_index)
        if self.to_onehot_y and not single:
            target = self._one_hot(target, num_classes=input.shape[1])
        elif self.to_onehot_y:
            warn_caller("single channel prediction, `to_onehot_y=True` ignored.")
        if not (self.include_background or single):
            target = target[:, 1:]
        if target.shape != prediction.shape:
            raise AssertionError(
                f"ground truth has different shape ({tuple(target.shape)}) from input ({tuple(prediction.shape)})"
            )
        target = target.to(prediction)
        return (prediction, target) if mask is None else (prediction * mask, target * mask)

    def prepare_alone(self, input: torch.Tensor) -> torch.Tensor:
        """Returns the probabilities of the channels where there is no target."""
        input = check_image(input, "input")
        precision = torch.float64 if input.dtype == torch.float64 else torch.float32
        prediction = self._activate(input.to(precision))
        if self.include_background:
            return prediction
        if input.shape[1] == 1:
            warn_caller("single channel prediction, `include_background=False` ignored.")
            return prediction
        return prediction[:, 1:]

    def reduce(self, losses: torch.Tensor, spatial_axes: int) -> torch.Tensor:
        """Weighs the losses ``(B, C)`` of the channels and reduces them."""
        losses = self._weigh(losses)
        if self.reduction == "mean":
            return losses.mean()
        if self.reduction == "sum":
            return losses.sum()
        return losses.reshape(*losses.shape, *[1] * spatial_axes)

    @property
    def channel_weight(self) -> torch.Tensor | None:
        """The weights of the channels of the prediction that :meth:`prepare` returns."""
        return self.class_weight

    def _activate(self, input: torch.Tensor) -> torch.Tensor:
        if self.sigmoid:
            return torch.sigmoid(input)
        if self.softmax and input.shape[1] == 1:
            warn_caller("single channel prediction, `softmax=True` ignored.")
        elif self.softmax:
            return torch.softmax(input, dim=1)
        return input if self.other_act is None else self.other_act(input)

    def _one_hot(self, target: torch.Tensor, num_classes: int) -> torch.Tensor:
        if self.ignore_index is not None and not 0 <= self.ignore_index < num_classes:
            target = torch.where(target == self.ignore_index, torch.zeros_like(target), target)
        encoded: torch.Tensor = one_hot(target, num_classes=num_classes)
        return encoded

    def _weigh(self, losses: torch.Tensor) -> torch.Tensor:
        channels, weight = losses.shape[1], self.channel_weight
        if weight is None or channels == 1:
            return losses
        if weight.ndim and len(weight) != channels:
            raise InputError(
                mismatch(
                    "weight",
                    got=f"{len(weight)} values",
                    expected=f"{channels}, one for each channel (none for the background if include_background=False)",
                )
            )
        return losses * weight.to(losses)


# A default is an attribute of the class too, which would hide a module of this name in an instance.
delattr(ChannelOptions, "other_act")


def option_types(loss: type[ChannelOptions]) -> dict[str, Any]:
    """Returns the annotations of a loss's options, bounds included."""
    hints = get_type_hints(loss, include_extras=True)
    types = {name: hint.type if isinstance(hint, InitVar) else hint for name, hint in hints.items()}
    return {name: types[name] for name in inspect.signature(loss.__init__).parameters if name != "self"}


def check_image(tensor: torch.Tensor, name: str) -> torch.Tensor:
    """Returns a plain tensor ``(B, C, H, W[, D])`` of floating-point numbers.

    Raises:
        TypeError: If it is something else than a dense floating-point tensor.
        InputError: If it has another number of axes, or none of the voxels.
    """
    if not isinstance(tensor, torch.Tensor):
        raise TypeError(mismatch(name, got=type(tensor).__name__, expected="a torch.Tensor"))
    tensor = as_dense_tensor(tensor, name)
    if not tensor.is_floating_point():
        raise InputError(mismatch(name, got=f"dtype {tensor.dtype}", expected="a real floating-point dtype"))
    if tensor.ndim not in (4, 5) or tensor.numel() == 0:
        raise InputError(
            mismatch(
                name,
                got=f"shape {tuple(tensor.shape)}",
                expected="(B, C, H, W) or (B, C, H, W, D), none of them 0",
            )
        )
    return tensor


def check_target(target: torch.Tensor) -> torch.Tensor:
    """Returns a plain dense tensor of real numbers."""
    if not isinstance(target, torch.Tensor):
        raise TypeError(mismatch("target", got=type(target).__name__, expected="a torch.Tensor"))
    target = as_dense_tensor(target, "target")
    if target.is_complex():
        raise TypeError(mismatch("target", got=f"dtype {target.dtype}", expected="a real dtype"))
    return target
