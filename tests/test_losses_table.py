"""The conventions of all losses, held against those of MONAI's DiceLoss: options, shapes, warnings, modules."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from monai.losses import DiceLoss
from torch import nn

from oracles.losses import (
    LAYOUTS,
    LOSSES,
    PERSISTENCE_LOSSES,
    PRIOR_LOSSES,
    ROWS,
    Layout,
    MakeLoss,
    loss_class,
    value_and_gradient,
)
from segtopo import losses
from segtopo.errors import InputError
from segtopo.losses import CombinedTopologyLoss, DeepSupervisionLoss, TopologyWeight
from segtopo.losses.channel_loss import ChannelLoss
from segtopo.losses.persistence_loss import PersistenceLoss, PriorLoss

every_row = pytest.mark.parametrize("make", ROWS.values(), ids=ROWS)
every_loss = pytest.mark.parametrize("loss", LOSSES)
every_layout = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
CHANNEL_ROWS = {name: make for name, make in ROWS.items() if issubclass(loss_class(make), ChannelLoss)}
CHANNEL_LOSSES = [loss for loss in LOSSES if issubclass(loss, ChannelLoss)]


def parameters(loss: type[nn.Module]) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(loss).parameters)


def test_every_loss_has_a_row() -> None:
    public = {getattr(losses, name) for name in losses.__all__}
    modules = {item for item in public if isinstance(item, type) and issubclass(item, nn.Module)}
    assert modules == {*LOSSES, DeepSupervisionLoss, TopologyWeight}


@every_loss
def test_names_and_order_are_those_of_dice_loss(loss: type[nn.Module]) -> None:
    dice, own = parameters(DiceLoss), parameters(loss)
    shared = [name for name in own if name in dice]
    assert list(own)[:5] == ["include_background", "to_onehot_y", "sigmoid", "softmax", "other_act"]
    keywords = [name for name, parameter in own.items() if parameter.kind is inspect.Parameter.KEYWORD_ONLY]
    assert list(own)[5:] == keywords
    assert {"reduction", "weight", "ignore_index"} <= set(keywords)
    for name in shared:
        assert own[name].default == dice[name].default


@every_loss
@pytest.mark.parametrize(
    "options",
    [{"sigmoid": True, "softmax": True}, {"softmax": True, "other_act": torch.tanh}, {"reduction": "unknown"}],
)
def test_ill_options(loss: type[nn.Module], options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"other_act: got several activations|reduction: got 'unknown', expected"):
        loss(**options)


@every_loss
def test_an_activation_must_be_callable(loss: type[nn.Module]) -> None:
    with pytest.raises(TypeError, match="other_act: got 'tanh', expected a callable, or None"):
        loss(other_act="tanh")


@pytest.mark.parametrize("loss", CHANNEL_LOSSES)
def test_ill_weights(loss: type[nn.Module]) -> None:
    with pytest.raises(InputError, match=r"weight: got \[1.0, -1.0\], expected a list \(each: a number >= 0\)"):
        loss(weight=[1.0, -1.0])
    with pytest.raises(InputError, match="weight: got 2 values, expected 3, one for each channel"):
        loss(weight=[1.0, 1.0])(torch.rand(1, 3, 4, 5), torch.ones(1, 3, 4, 5))


@pytest.mark.parametrize("loss", PERSISTENCE_LOSSES)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"dimensions": []},
            r"dimensions: got \[\], expected a list \(each: an integer >= 0 and <= 2\) of at least 1, or None",
        ),
        ({"dimensions": [1, 1]}, r"dimensions: got \[1, 1\], expected different dimensions from 0 to 1"),
        ({"dimension_weights": []}, "of at least 1"),
        ({"dimension_weights": [1.0, -1.0]}, r"dimension_weights: got \[1.0, -1.0\].*a number >= 0"),
        ({"min_persistence": 1.0}, "min_persistence: got 1.0, expected a number >= 0 and < 1"),
        ({"min_persistence": -0.1}, "min_persistence: got -0.1, expected a number >= 0 and < 1"),
        ({"construction": "X"}, "construction: got 'X', expected one of 'T', 'V'"),
        ({"dimensions": [0, 2]}, r"dimensions: got \[0, 2\], expected different dimensions from 0 to 1 of 2D images"),
        ({"dimension_weights": [1, 1, 1]}, r"dimension_weights: got 3 values, expected one value for each of the"),
    ],
)
def test_ill_options_of_persistence(loss: type[nn.Module], options: dict[str, Any], message: str) -> None:
    if not set(options) <= set(parameters(loss)):
        with pytest.raises(TypeError, match="unexpected keyword"):
            loss(**options)
        return
    with pytest.raises(InputError, match=message):
        loss(**options)(torch.rand(1, 1, 5, 6), torch.ones(1, 1, 5, 6))


@every_row
def test_shapes_that_differ(make: MakeLoss) -> None:
    for shape in ((1, 3, 4, 3), (1, 2, 3, 4), (2, 3, 3, 4)):
        with pytest.raises((AssertionError, ValueError), match="different shape"):
            make()(torch.rand(1, 3, 3, 4), torch.ones(shape))


@pytest.mark.parametrize("loss", CHANNEL_LOSSES)
@pytest.mark.parametrize("shape", [(1, 1, 5), (1, 1, 2, 3, 4, 5)])
def test_two_or_three_spatial_axes(loss: type[nn.Module], shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"expected \(B, C, H, W\) or \(B, C, H, W, D\)"):
        loss()(torch.rand(shape), torch.ones(shape))


@pytest.mark.parametrize("loss", CHANNEL_LOSSES)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"softmax": True}, "`softmax=True` ignored"),
        ({"to_onehot_y": True}, "`to_onehot_y=True` ignored"),
        ({"include_background": False}, "`include_background=False` ignored"),
    ],
)
def test_single_channel_warnings(loss: type[nn.Module], options: dict[str, bool], message: str) -> None:
    with pytest.warns(UserWarning, match=f"single channel prediction, {message}") as caught:
        loss(**options)(torch.rand(1, 1, 3, 4), torch.ones(1, 1, 3, 4))
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize("loss", PRIOR_LOSSES)
def test_warnings_without_a_target(loss: type[nn.Module]) -> None:
    goals = {"priors": [{"classes": [0], "betti_numbers": [1, 0]}], "diagrams": [[(1.0, 0.0)], []]}
    make = loss(softmax=True, **{name: value for name, value in goals.items() if name in parameters(loss)})
    with pytest.warns(UserWarning, match="`softmax=True` ignored") as caught:
        make(torch.rand(1, 1, 3, 4))
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize("loss", PERSISTENCE_LOSSES)
def test_logits_taken_for_probabilities_are_noticed(loss: type[nn.Module]) -> None:
    logits, target = torch.tensor([[[[-3.0, 4.0, -2.0]]]]), torch.tensor([[[[0.0, 1.0, 0.0]]]])
    with pytest.warns(
        UserWarning, match="input: got values from -3 to 4, expected 0 to 1; for logits set sigmoid=True"
    ) as caught:
        loss()(logits, target)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("loss", PERSISTENCE_LOSSES)
@pytest.mark.parametrize(("factor", "found"), [(255, "0 to 255"), (-1, "-1 to"), (torch.inf, "0 to inf")])
def test_targets_outside_their_range_are_refused(loss: type[nn.Module], factor: float, found: str) -> None:
    target = torch.where(torch.tensor([[[[False, True, False]]]]), factor, 0.0)
    with pytest.raises(
        InputError, match=f"target: got values from ({found}).*expected 0 to 1; for label maps set to_onehot_y"
    ):
        loss(sigmoid=True)(torch.tensor([[[[-3.0, 4.0, -2.0]]]]), target)


@pytest.mark.parametrize("loss", CHANNEL_LOSSES)
def test_inputs_that_are_no_images(loss: type[nn.Module]) -> None:
    for dtype in (torch.complex64, torch.int64):
        with pytest.raises(InputError, match="expected a real floating-point dtype"):
            loss()(torch.ones(1, 1, 4, 5, dtype=dtype), torch.ones(1, 1, 4, 5))
    with pytest.raises(InputError, match=r"input: got shape \(1, 1, 0, 5\).* none of them 0"):
        loss()(torch.ones(1, 1, 0, 5), torch.ones(1, 1, 0, 5))


@every_row
@every_layout
def test_reductions(make: MakeLoss, layout: Layout) -> None:
    input, target = layout.pair()
    none = make(**layout.options, reduction="none")(input, target)
    assert none.shape[0] == 2
    assert none.shape[2:] == (1,) * len(layout.spatial)
    torch.testing.assert_close(make(**layout.options)(input, target), none.mean())
    if issubclass(loss_class(make), ChannelLoss):
        torch.testing.assert_close(make(**layout.options, reduction="sum")(input, target), none.sum())


@every_loss
def test_reductions_of_a_single_mask(loss: type[nn.Module]) -> None:
    input, target = torch.randn(2, 1, 4, 5, 6), torch.randint(0, 2, (2, 1, 4, 5, 6))
    none = loss(sigmoid=True, reduction="none")(input, target)
    assert none.shape == (2, 1, 1, 1, 1)
    torch.testing.assert_close(loss(sigmoid=True)(input, target), none.mean())


@every_loss
@every_layout
def test_without_reduction_there_is_one_value_per_channel(loss: type[nn.Module], layout: Layout) -> None:
    none = loss(**layout.options, reduction="none")(*layout.pair())
    # The background counts in the cross entropy, which all channels of an item share.
    background = layout.options.get("include_background", True)
    assert none.shape == (2, 3 if background else 2, *[1] * len(layout.spatial))


@every_row
@every_layout
def test_a_batch_is_its_items(make: MakeLoss, layout: Layout) -> None:
    input, target = layout.pair(batch=3)
    loss = make(**layout.options, reduction="none")
    value, gradient = value_and_gradient(loss, input, target)
    items = [value_and_gradient(loss, x[None], y[None]) for x, y in zip(input, target, strict=True)]
    torch.testing.assert_close(value, torch.cat([item[0] for item in items]))
    torch.testing.assert_close(gradient, torch.cat([item[1] for item in items]))


@pytest.mark.parametrize("make", CHANNEL_ROWS.values(), ids=CHANNEL_ROWS)
def test_weights_are_a_list_a_tensor_or_one_number(make: MakeLoss) -> None:
    layout = LAYOUTS["2D masks"]
    plain = make(**layout.options, reduction="none")(*layout.pair())
    weight = torch.tensor([1.5, 0.0, 2.0])[: plain.shape[1]]
    for given, factors in ((weight, weight), (weight.tolist(), weight), (2.0, torch.full_like(weight, 2.0))):
        weighted = make(**layout.options, reduction="none", weight=given)(*layout.pair())
        torch.testing.assert_close(weighted, plain * factors[:, None, None])


@every_row
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.float32])
def test_masks_of_any_dtype(make: MakeLoss, dtype: torch.dtype) -> None:
    layout = LAYOUTS["2D masks"]
    input, masks = layout.pair()
    loss = make(**layout.options)
    assert loss(input, masks.to(dtype)).equal(loss(input, masks.double()))


@every_row
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.float32])
def test_labels_of_any_dtype(make: MakeLoss, dtype: torch.dtype) -> None:
    layout = LAYOUTS["2D classes"]
    input, labels = layout.pair()
    loss = make(**layout.options)
    torch.testing.assert_close(loss(input, labels.to(dtype)), loss(input, labels.double()))


@every_row
def test_nan_is_refused_where_there_is_persistence(make: MakeLoss) -> None:
    layout = LAYOUTS["2D masks"]
    input, target = layout.pair()
    input = input.detach()
    input[1, 1, 2, 3] = float("nan")
    if issubclass(loss_class(make), ChannelLoss) and not issubclass(loss_class(make), PersistenceLoss):
        assert make(**layout.options)(input, target).isnan()
        return
    with pytest.raises(ValueError, match="NaN"):
        make(**layout.options)(input, target)


@every_row
def test_copies_are_the_same_loss(make: MakeLoss) -> None:
    layout = LAYOUTS["2D classes"]
    pair = layout.pair()
    columns = make(**layout.options, reduction="none")(*pair).shape[1]
    loss = make(**layout.options, weight=[3.0, 1.0, 2.0][:columns], reduction="sum")
    expected = loss(*pair)
    fresh = make(**layout.options, weight=[1.0] * columns, reduction="sum")
    fresh.load_state_dict(loss.state_dict())
    for other in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss)), fresh):
        assert other(*pair).equal(expected)


@pytest.mark.parametrize("loss", CHANNEL_LOSSES)
def test_weights_follow_the_module(loss: type[ChannelLoss]) -> None:
    weighted = loss(weight=[1.0, 2.0]).double()
    assert weighted.class_weight is not None
    assert weighted.class_weight.dtype == torch.float64
    assert list(weighted.state_dict()) == ["class_weight"]


@every_loss
def test_target_of_a_monai_bundle(loss: type[nn.Module]) -> None:
    layout = LAYOUTS["2D classes"]
    config = {"_target_": f"segtopo.losses.{loss.__name__}", **layout.options, "weight": [1.0, 2.0, 3.0]}
    parsed = ConfigParser({"loss": config}).get_parsed_content("loss")
    assert type(parsed) is loss
    expected = loss(**layout.options, weight=torch.tensor([1.0, 2.0, 3.0]))
    assert parsed(*layout.pair()).equal(expected(*layout.pair()))


def test_nested_targets_of_a_monai_bundle() -> None:
    matching = {"_target_": "segtopo.losses.BettiMatchingLoss", "threshold": 0.8}
    combined = {
        "_target_": "segtopo.losses.CombinedTopologyLoss",
        "softmax": True,
        "to_onehot_y": True,
        "topology_loss": matching,
        "lambda_topology": 0.05,
        "schedule": {"_target_": "segtopo.losses.TopologySchedule", "start_epoch": 2},
    }
    deep = {"_target_": "segtopo.losses.DeepSupervisionLoss", "loss": combined, "topology_scale": 0.5}
    loss = ConfigParser({"loss": deep}).get_parsed_content("loss")
    assert isinstance(loss, DeepSupervisionLoss)
    assert isinstance(loss.loss, CombinedTopologyLoss)
    assert isinstance(loss.loss.topology_loss, losses.BettiMatchingLoss)
    assert loss.topology_scale == 0.5
    assert loss.loss.schedule.start_epoch == 2
    assert loss.loss.topology_loss.threshold == 0.8


ODD_TENSORS: dict[str, Any] = {
    "a list": [[0.5]],
    "None": None,
    "an array": np.ones((1, 1, 4, 5), np.float32),
    "without data": torch.empty(1, 1, 4, 5, device="meta"),
    "sparse": torch.ones(1, 1, 4, 5).to_sparse(),
    "complex": torch.ones(1, 1, 4, 5, dtype=torch.complex64),
}


@every_loss
@pytest.mark.parametrize("odd", ODD_TENSORS.values(), ids=ODD_TENSORS)
@pytest.mark.parametrize("name", ["input", "target"])
def test_tensors_that_no_loss_can_use(loss: type[nn.Module], odd: Any, name: str) -> None:
    if name == "target" and odd is None and issubclass(loss, PriorLoss):
        return  # a target is optional there
    tensors = {"input": torch.rand(1, 1, 4, 5), "target": torch.ones(1, 1, 4, 5), name: odd}
    with pytest.raises((TypeError, InputError), match=rf"^{name}: got .*, expected "):
        loss(sigmoid=True)(**tensors)


@every_loss
@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2, torch.uint16, torch.uint64, torch.int8])
def test_targets_of_rare_dtypes(loss: type[nn.Module], dtype: torch.dtype) -> None:
    input, target = LAYOUTS["2D masks"].pair()
    make = loss(sigmoid=True)
    assert make(input, target.to(dtype)).equal(make(input, target))


@every_loss
@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.bfloat16])
def test_inputs_of_low_precision(loss: type[nn.Module], dtype: torch.dtype) -> None:
    input, target = LAYOUTS["2D masks"].pair()
    coarse = input.detach().to(dtype)
    assert loss(sigmoid=True)(coarse, target).equal(loss(sigmoid=True)(coarse.float(), target))
