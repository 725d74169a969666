"""What all losses share: activation, one-hot targets, background, ignored voxels, weights, reduction."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

import torch
from monai.data import MetaTensor
from monai.metrics.utils import create_ignore_mask
from monai.networks import one_hot
from monai.utils import LossReduction
from torch.nn.modules.loss import _Loss

from segtopo.errors import InputError

ClassWeight = Sequence[float] | float | torch.Tensor | None
P = ParamSpec("P")
R = TypeVar("R")


class ChannelLoss(_Loss):
    """A loss computed for each channel of each item, with the conventions of :class:`monai.losses.DiceLoss`.

    A subclass writes :meth:`channel_losses`; everything around it is here.

    Args:
        include_background: If False, channel 0 is left out.
        to_onehot_y: Whether to turn a ``(B, 1, H, W[, D])`` label map into one channel per class of the
            input.
        sigmoid: Whether to apply a sigmoid to the input.
        softmax: Whether to apply a softmax over the channels of the input.
        other_act: Another activation to apply to the input.
        reduction: ``"mean"`` or ``"sum"`` over items and channels, or ``"none"`` for ``(B, C, 1, 1[, 1])``.
        weight: Weights of the channels (without the background if it is left out), none negative; a number
            weighs all channels. As in MONAI, a single channel is not weighted.
        ignore_index: Label whose voxels are left out: input and target are set to zero there. A value that is
            no channel of a one-hot target stands for the voxels where all its channels are zero.

    Raises:
        TypeError: If ``other_act`` cannot be called.
        ValueError: If more than one activation is asked for, the reduction is unknown or a weight is
            negative.
    """

    class_weight: torch.Tensor | None

    def __init__(
        self,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        other_act: Callable[[torch.Tensor], torch.Tensor] | None = None,
        reduction: LossReduction | str = LossReduction.MEAN,
        weight: ClassWeight = None,
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(reduction=LossReduction(reduction).value)
        check_activations(sigmoid, softmax, other_act)
        self.include_background = include_background
        self.to_onehot_y = to_onehot_y
        self.sigmoid = sigmoid
        self.softmax = softmax
        self.other_act = other_act
        self.ignore_index = ignore_index
        class_weight = None if weight is None else torch.as_tensor(weight, dtype=torch.float32)
        if class_weight is not None and (class_weight < 0).any():
            raise InputError(f"the values of `weight` should be no less than 0, got {class_weight.tolist()}.")
        self.register_buffer("class_weight", class_weight)

    @abstractmethod
    def channel_losses(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The losses ``(B, C)`` of activated predictions and targets, both ``(B, C, H, W[, D])``."""

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Computes the loss.

        Args:
            input: ``(B, C, H, W[, D])``, logits or probabilities according to the activation chosen.
            target: ``(B, C, H, W[, D])``, or ``(B, 1, H, W[, D])`` with ``to_onehot_y=True``.

        Returns:
            A scalar, or ``(B, C, 1, 1[, 1])`` with ``reduction="none"``.

        Raises:
            AssertionError: If input and target (one-hot, if asked for) have different shapes.
            InputError: If there are not two or three spatial axes, or as many weights as channels.
        """
        prediction, reference = self.prepare(without_metadata(input), without_metadata(target))
        return self.reduce(self.channel_losses(prediction, reference), prediction.ndim - 2)

    def prepare(self, input: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Prediction and target as they are compared: activated, one-hot, ignored voxels set to zero."""
        prediction = self._probabilities(input)
        single = input.shape[1] == 1
        mask = create_ignore_mask(target, self.ignore_index)
        if self.to_onehot_y and single:
            warnings.warn("single channel prediction, `to_onehot_y=True` ignored.", stacklevel=5)
        elif self.to_onehot_y:
            target = self._one_hot(target, num_classes=input.shape[1])
        if not (self.include_background or single):
            target = target[:, 1:]
        if target.shape != prediction.shape:
            raise AssertionError(
                f"ground truth has different shape ({tuple(target.shape)}) from input ({tuple(prediction.shape)})"
            )
        return (prediction, target) if mask is None else (prediction * mask, target * mask)

    def prepare_alone(self, input: torch.Tensor) -> torch.Tensor:
        """The prediction where there is no target to compare it with."""
        return self._probabilities(input)

    def reduce(self, losses: torch.Tensor, spatial_axes: int) -> torch.Tensor:
        """The losses ``(B, C)`` weighted and reduced as the options ask."""
        losses = self._weigh(losses)
        if self.reduction == LossReduction.MEAN.value:
            return losses.mean()
        if self.reduction == LossReduction.SUM.value:
            return losses.sum()
        return losses.reshape(*losses.shape, *[1] * spatial_axes)

    def _probabilities(self, input: torch.Tensor) -> torch.Tensor:
        if input.ndim not in (4, 5) or input.numel() == 0:
            raise InputError(
                f"input has shape {tuple(input.shape)}, expected (B, C, H, W) or (B, C, H, W, D), none of them 0."
            )
        if not input.is_floating_point():
            raise InputError(f"input has dtype {input.dtype}, expected a real floating-point one.")
        prediction = self._activate(input)
        if self.include_background:
            return prediction
        if input.shape[1] == 1:
            warnings.warn("single channel prediction, `include_background=False` ignored.", stacklevel=6)
            return prediction
        return prediction[:, 1:]

    def _activate(self, input: torch.Tensor) -> torch.Tensor:
        if self.sigmoid:
            return torch.sigmoid(input)
        if self.softmax and input.shape[1] == 1:
            warnings.warn("single channel prediction, `softmax=True` ignored.", stacklevel=7)
        elif self.softmax:
            return torch.softmax(input, dim=1)
        return input if self.other_act is None else self.other_act(input)

    def _one_hot(self, target: torch.Tensor, num_classes: int) -> torch.Tensor:
        if self.ignore_index is not None and not 0 <= self.ignore_index < num_classes:
            target = torch.where(target == self.ignore_index, torch.zeros_like(target), target)
        encoded: torch.Tensor = one_hot(target, num_classes=num_classes)
        return encoded

    def _weigh(self, losses: torch.Tensor) -> torch.Tensor:
        channels = losses.shape[1]
        if self.class_weight is None or channels == 1:
            return losses
        if self.class_weight.ndim and len(self.class_weight) != channels:
            raise InputError(
                f"`weight` has {len(self.class_weight)} values for {channels} channels, expected one per "
                "channel (none for the background if `include_background=False`)."
            )
        return losses * self.class_weight.to(losses)


def check_activations(sigmoid: bool, softmax: bool, other_act: Callable[..., torch.Tensor] | None) -> None:
    """Raises unless at most one activation is asked for."""
    if other_act is not None and not callable(other_act):
        raise TypeError(f"other_act must be None or callable but is {type(other_act).__name__}.")
    if sum((sigmoid, softmax, other_act is not None)) > 1:
        raise InputError("Incompatible values: more than 1 of [sigmoid=True, softmax=True, other_act is not None].")


def check_not_negative(**options: float) -> None:
    """Raises InputError that names the first option below 0, if there is one."""
    for name, value in options.items():
        if not value >= 0:
            raise InputError(f"{name} is {value}, expected at least 0.")


def without_metadata(tensor: torch.Tensor) -> torch.Tensor:
    """A plain tensor: MONAI's metadata would be carried along by every operation."""
    return tensor.as_tensor() if isinstance(tensor, MetaTensor) else tensor


def not_compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Keeps :func:`torch.compile` out of a function that works in NumPy: compiled, it can give another result."""
    as_written: Callable[P, R] = torch.compiler.disable(function)  # type: ignore[no-untyped-call]
    return as_written
