"""Each image leaves its device once for a loss: on a GPU each move waits for all work before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from oracles.losses import ROWS, MakeLoss
from segtopo.losses import DiagramDistanceLoss

SHAPE = (2, 3, 9, 14)


class Transfers:
    """Counts the values that tensors send to the processor, by call."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.images = 0
        self.numbers = 0
        for name in ("cpu", "item", "tolist", "__bool__", "__float__", "__int__"):
            monkeypatch.setattr(torch.Tensor, name, self._counted(getattr(torch.Tensor, name)))

    def _counted(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(tensor: torch.Tensor, *arguments: Any, **options: Any) -> Any:
            whole = tensor.numel() >= SHAPE[0] * SHAPE[2] * SHAPE[3]
            self.images += whole
            self.numbers += not whole
            return method(tensor, *arguments, **options)

        return call


ONE_OUTPUT = {name: make for name, make in ROWS.items() if name != "DeepSupervisionLoss"}


@pytest.mark.parametrize("make", ONE_OUTPUT.values(), ids=ONE_OUTPUT)
def test_each_image_leaves_its_device_once(make: MakeLoss, monkeypatch: pytest.MonkeyPatch) -> None:
    loss = make(softmax=True, to_onehot_y=True)
    target = torch.zeros(SHAPE[0], 1, *SHAPE[2:], dtype=torch.long)
    target[..., 2:7, 2:5], target[..., 2:7, 8:12] = 1, 2
    logits = torch.cat([4.0 * (target == label) for label in range(3)], dim=1).requires_grad_()
    transfers = Transfers(monkeypatch)
    loss(logits, target).sum().backward()
    assert transfers.images <= 2  # prediction and target
    # The diagrams of DiagramDistanceLoss are on the processor already.
    assert transfers.numbers <= 4 or isinstance(loss, DiagramDistanceLoss)
