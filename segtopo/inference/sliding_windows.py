"""Computes the probabilities of whole images by sliding windows, for validation and prediction."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import chain, combinations
from typing import Any

import torch
from monai.inferers import Inferer, sliding_window_inference

from segtopo.config import TrainingConfig
from segtopo.config.section import DEVICE_PATTERN
from segtopo.errors import InputError, mismatch


class SlidingWindows(Inferer):  # type: ignore[misc]
    """Sliding windows of the training's patch size, blended with a Gaussian and collected on the CPU.

    The result has the probabilities of the foreground only, (B, structures, *spatial), to save memory. With classes the
    probability of the background is 1 minus their sum.

    Args:
        config: Its ``patch_size`` is the size of the windows, its ``batch_size`` their number in a batch.
        overlap: The overlap of neighbouring windows as a part of their size, in [0, 1).
        before_window: Called before each batch of windows. An exception that it raises ends the inference.
        mirror: Whether the probabilities are averaged over all mirror images of each window, 4 in 2D and 8 in 3D.
    """

    def __init__(
        self,
        config: TrainingConfig,
        overlap: float,
        before_window: Callable[[], None] = lambda: None,
        *,
        mirror: bool = False,
    ) -> None:
        super().__init__()
        self.channels = config.data.output_channels
        self.patch_size = config.patch_size
        self.batch_size = config.batch_size
        self.overlap = overlap
        self.before_window = before_window
        axes = range(2, 2 + config.dimensions)
        flips = chain.from_iterable(combinations(axes, number) for number in range(1 + config.dimensions))
        self.flips = list(flips) if mirror else [()]

    def __call__(self, inputs: torch.Tensor, network: Callable[..., Any], *args: Any, **kwargs: Any) -> torch.Tensor:
        """Returns the probabilities of the foreground of a batch of images (B, C, *spatial)."""

        def foreground_probabilities(windows: torch.Tensor) -> torch.Tensor:
            self.before_window()
            views = (self.channels.probabilities(network(windows.flip(axes))).flip(axes) for axes in self.flips)
            return sum(views, start=torch.zeros(())) / len(self.flips)

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


def choose_device(name: str) -> torch.device:
    """Returns the device of a name; ``auto`` is CUDA if it is available, else the CPU.

    Raises:
        InputError: There is no such device.
    """
    if not re.fullmatch(DEVICE_PATTERN, name):
        raise InputError(mismatch("device", got=repr(name), expected="auto, cpu, cuda or cuda:NUMBER"))
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        expected = f"one of {torch.cuda.device_count()} CUDA devices"
        raise InputError(mismatch("device", got=repr(name), expected=expected))
    return device
