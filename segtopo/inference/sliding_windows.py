"""Class probabilities of whole images by sliding windows, the same in validation and prediction."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import torch
from monai.inferers import Inferer, sliding_window_inference

from segtopo.config.training_config import DEVICE_PATTERN, TrainingConfig
from segtopo.errors import InputError


class SlidingWindows(Inferer):  # type: ignore[misc]
    """Windows of the training's patch size, blended with a Gaussian, gathered on the CPU.

    The result are the probabilities of the foreground classes (B, classes - 1, *spatial): the background's are what
    they leave to 1, and a whole volume of them need not be held.

    Args:
        config: Gives the patch size and batch size.
        overlap: Of neighbouring windows, in [0, 1).
        before_window: Called before each batch of windows; what it raises ends the inference.
    """

    def __init__(
        self, config: TrainingConfig, overlap: float, before_window: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__()
        self.patch_size = config.patch_size
        self.batch_size = config.batch_size
        self.overlap = overlap
        self.before_window = before_window

    def __call__(self, inputs: torch.Tensor, network: Callable[..., Any], *args: Any, **kwargs: Any) -> torch.Tensor:
        """The probabilities of the foreground classes of a batch of images (B, C, *spatial)."""

        def foreground_probabilities(windows: torch.Tensor) -> torch.Tensor:
            self.before_window()
            return torch.softmax(network(windows).float(), dim=1)[:, 1:]

        probabilities: torch.Tensor = sliding_window_inference(
            inputs,
            roi_size=self.patch_size,
            sw_batch_size=self.batch_size,
            predictor=foreground_probabilities,
            overlap=self.overlap,
            mode="gaussian",
            device=torch.device("cpu"),
            sw_device=next(network.parameters()).device,  # type: ignore[attr-defined]
        )
        return probabilities


def most_probable(foreground: torch.Tensor) -> torch.Tensor:
    """The most probable class of each voxel (B, *spatial), uint8, from :class:`SlidingWindows`' probabilities.

    Example:
        >>> foreground = torch.tensor([[[0.2, 0.7, 0.1], [0.2, 0.1, 0.6]]])  # one image, two classes, three voxels
        >>> most_probable(foreground)
        tensor([[0, 1, 2]], dtype=torch.uint8)
    """
    highest = 1 - foreground.sum(dim=1)
    labels = torch.zeros_like(highest, dtype=torch.uint8)
    # One class after the other: an argmax would hold a whole volume of 64-bit indices.
    for label, probability in enumerate(foreground.unbind(dim=1), start=1):
        labels[probability > highest] = label
        torch.maximum(highest, probability, out=highest)
    return labels


def choose_device(name: str) -> torch.device:
    """The device of that name; ``auto`` is CUDA where there is any, else the CPU.

    Raises:
        InputError: There is no such device.
    """
    if not re.match(DEVICE_PATTERN, name):
        raise InputError(f"device: received {name!r}, expected auto, cpu, cuda or cuda:NUMBER")
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InputError(f"device: received {name!r}, but {torch.cuda.device_count()} CUDA devices are available")
    return device
