"""The matrix of all losses and the ways to call them.

A column calls a loss in one way, and states the right value and gradient. The columns up to the weights
compare with the plain loss of single channels, and for the combined loss with its parts by MONAI and torch. The other
columns compare a loss with itself, called in the usual way.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import pytest
import torch
import torch.nn.functional as F
from monai.data import MetaTensor
from monai.losses import DiceLoss
from monai.networks import one_hot

from oracles.losses import CLASSES, FOREGROUND, LOSSES, ROWS, Layout, MakeLoss, loss_class, value_and_gradient
from segtopo.losses import CombinedTopologyLoss, TopoLoss

Result: TypeAlias = tuple[torch.Tensor, torch.Tensor]
Column: TypeAlias = Callable[[MakeLoss, tuple[int, ...]], tuple[Result, Result]]

WEIGHT = [1.5, 0.0, 2.0]


def parts(
    make: MakeLoss,
    logits: torch.Tensor,
    prediction: torch.Tensor,
    target: torch.Tensor,
    classes: torch.Tensor | None = None,
    weight: list[float] | None = None,
) -> torch.Tensor:
    """The values of all channels by the plain loss of each; of the combined loss by MONAI's Dice and torch.

    Args:
        make: Makes the loss.
        logits: The input, with all channels.
        prediction: The probabilities of the channels that count.
        target: Their one-hot target.
        classes: The classes of the cross entropy. None: those of ``target``.
        weight: The weights of the channels.
    """
    factors = torch.ones(prediction.shape[1]) if weight is None else torch.tensor(weight)
    if loss_class(make) is not CombinedTopologyLoss:
        return plain(make, prediction, target) * factors.to(prediction)
    dice = DiceLoss(reduction="none")(prediction, target).flatten(1)
    topology = plain(TopoLoss, prediction, target)
    labels, options = (target.to(logits), {}) if classes is None else (classes, {"ignore_index": 255})
    entropy = partial(F.cross_entropy, weight=None if weight is None else factors.to(logits), **options)
    of_items = torch.stack([entropy(x[None], y[None]) for x, y in zip(logits, labels, strict=True)])
    return (dice + 0.01 * topology) * factors.to(dice) + of_items[:, None]


def plain(make: MakeLoss, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The losses (B, C) of the single channels of single items."""
    pairs = zip(prediction.flatten(0, 1), target.flatten(0, 1), strict=True)
    losses = [make()(x[None, None], y[None, None]) for x, y in pairs]
    return torch.stack(losses).reshape(prediction.shape[:2])


def called(make: MakeLoss, input: torch.Tensor, target: torch.Tensor, **options: Any) -> Result:
    loss = make(**options, reduction="none")
    return value_and_gradient(lambda x, y: loss(x, y).flatten(1), input, target)


def probabilities(make: MakeLoss, spatial: tuple[int, ...]) -> tuple[Result, Result]:
    logits, masks = Layout(spatial, {}).pair()
    prediction = logits.detach().sigmoid()
    return called(make, prediction, masks), value_and_gradient(lambda x, y: parts(make, x, x, y), prediction, masks)


def sigmoid(make: MakeLoss, spatial: tuple[int, ...]) -> tuple[Result, Result]:
    logits, masks = Layout(spatial, {}).pair()
    expected = value_and_gradient(lambda x, y: parts(make, x, x.sigmoid(), y), logits, masks)
    return called(make, logits, masks, sigmoid=True), expected


def softmax(make: MakeLoss, spatial: tuple[int, ...]) -> tuple[Result, Result]:
    logits, labels = Layout(spatial, CLASSES).pair()
    masks = one_hot(labels, 3)
    expected = value_and_gradient(lambda x, y: parts(make, x, x.softmax(1), y), logits, masks)
    return called(make, logits, masks, softmax=True), expected


def multi_class(make: MakeLoss, spatial: tuple[int, ...]) -> tuple[Result, Result]:
    logits, labels = Layout(spatial, CLASSES).pair()
    masks = one_hot(labels, 3)[:, 1:]
    expected = value_and_gradient(lambda x, y: parts(make, x, x.softmax(1)[:, 1:], y, labels[:, 0]), logits, masks)
    return called(make, logits, labels, **FOREGROUND), expected


def ignore(make: MakeLoss, spatial: tuple[int, ...]) -> tuple[Result, Result]:
    logits, labels = Layout(spatial, CLASSES).pair()
    labels[..., -1] = 255
    counts = labels != 255
    masks = one_hot(labels * counts, 3) * counts
    expected = value_and_gradient(lambda x, y: parts(make, x, x.softmax(1) * counts, y, labels[:, 0]), logits, masks)
    return called(make, logits, labels, **CLASSES, ignore_index=255), expected


def weight(make: MakeLoss, spatial: tuple[int, ...]) -> tuple[Result, Result]:
    logits, labels = Layout(spatial, CLASSES).pair()
    masks = one_hot(labels, 3)
    expected = value_and_gradient(
        lambda x, y: parts(make, x, x.softmax(1), y, labels[:, 0], weight=WEIGHT), logits, masks
    )
    return called(make, logits, labels, **CLASSES, weight=WEIGHT), expected


def low_precision(
    make: MakeLoss, spatial: tuple[int, ...], dtype: torch.dtype, autocast: bool
) -> tuple[Result, Result]:
    """Logits in low precision, of a network under autocast or as they are; the same values in double precision."""
    logits, labels = Layout(spatial, CLASSES).pair()
    coarse, loss = logits.detach().to(dtype), make(**CLASSES)
    with torch.autocast("cpu", dtype, enabled=autocast):
        value, gradient = value_and_gradient(loss, coarse, labels)
    assert (value.dtype, gradient.dtype) == (torch.float32, dtype)
    expected = value_and_gradient(loss, coarse.double(), labels)
    return (value, gradient), (expected[0].float(), expected[1].to(dtype))


def bool_target(make: MakeLoss, spatial: tuple[int, ...]) -> tuple[Result, Result]:
    logits, masks = Layout(spatial, {}).pair()
    loss = make(sigmoid=True)
    return value_and_gradient(loss, logits, masks.bool()), value_and_gradient(loss, logits, masks.double())


def meta_tensor(make: MakeLoss, spatial: tuple[int, ...]) -> tuple[Result, Result]:
    logits, labels = Layout(spatial, CLASSES).pair()
    loss = make(**CLASSES)
    value, gradient = value_and_gradient(loss, MetaTensor(logits), MetaTensor(labels))
    assert type(value) is torch.Tensor
    return (value, gradient.as_subclass(torch.Tensor)), value_and_gradient(loss, logits, labels)


def compiled(make: MakeLoss, spatial: tuple[int, ...]) -> tuple[Result, Result]:
    torch.compiler.reset()
    logits, labels = Layout(spatial, CLASSES).pair()
    loss = make(**CLASSES)
    found = value_and_gradient(torch.compile(loss, backend="aot_eager"), logits, labels)
    return found, value_and_gradient(loss, logits, labels)


OF_PARTS: dict[str, Column] = {
    "plain": probabilities,
    "sigmoid": sigmoid,
    "softmax": softmax,
    "multi-class": multi_class,
    "ignore": ignore,
    "weight": weight,
}
OF_ITSELF: dict[str, Column] = {
    "bf16 autocast": partial(low_precision, dtype=torch.bfloat16, autocast=True),
    "float16": partial(low_precision, dtype=torch.float16, autocast=False),
    "bool target": bool_target,
    "MetaTensor": meta_tensor,
}
EACH: dict[str, MakeLoss] = {loss.__name__: ROWS[loss.__name__] for loss in LOSSES}
MATRIX = [
    *((column, name, row) for column in OF_PARTS.values() for name, row in EACH.items()),
    *((column, name, row) for column in OF_ITSELF.values() for name, row in ROWS.items()),
    *((compiled, name, ROWS[name]) for name in [*EACH, "DeepSupervisionLoss"]),
]
NAMES = {column: name for name, column in {**OF_PARTS, **OF_ITSELF, "compile": compiled}.items()}


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")  # by dynamo itself
@pytest.mark.parametrize(
    ("column", "make"),
    [pytest.param(column, make, id=f"{NAMES[column]}-{name}") for column, name, make in MATRIX],
)
def test_every_loss_in_every_way(column: Column, make: MakeLoss) -> None:
    for spatial in ((5, 6), (3, 4, 5)) if column is not compiled else ((5, 6),):
        found, expected = column(make, spatial)
        torch.testing.assert_close(found[0], expected[0])
        # Autograd adds the gradients of several outputs in their own precision.
        eps = torch.finfo(found[1].dtype).eps
        torch.testing.assert_close(found[1], expected[1], rtol=max(1e-7, 2 * eps), atol=max(1e-7, 0.02 * eps))
        assert found[0].isfinite().all()
        assert found[1].count_nonzero() > 0
