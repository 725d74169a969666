"""The metrics in MONAI's engines: as key metric, in the files of MetricsSaver, in TensorBoard, to stop early."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.engine import Events
from monai.data import DataLoader, Dataset
from monai.engines import SupervisedEvaluator, SupervisedTrainer
from monai.handlers import (
    CheckpointLoader,
    CheckpointSaver,
    EarlyStopHandler,
    IgniteMetricHandler,
    MeanDice,
    MetricsSaver,
    TensorBoardStatsHandler,
    ValidationHandler,
    from_engine,
    stopping_fn_from_metric,
)
from monai.transforms import Activationsd, AsDiscreted, Compose
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from segtopo.metrics import BettiErrorMetric, BettiMatchingErrorMetric, ClDiceMetric, DIUMetric

PAIR = from_engine(["pred", "label"])
ERRORS = {"betti_error": BettiErrorMetric, "betti_matching_error": BettiMatchingErrorMetric, "diu": DIUMetric}


class Bias(nn.Module):
    """The image plus one number, which each step of the training raises by the learning rate."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image + self.bias


def vessel() -> dict[str, torch.Tensor]:
    """A vessel that is broken at bias 1, whole at 2, beside a large faint piece of it at 3, and beside specks at 4."""
    image = torch.full((1, 9, 16), -9.0)
    image[:, 4, 1:15] = -0.5
    image[:, 4, 7] = -1.5  # the gap
    image[:, 3, 1:15] = -2.5  # the wall, by which the Dice is best
    image[:, 7, 2], image[:, 0, 12] = -2.5, -3.5  # specks
    label = torch.zeros(1, 9, 16)
    label[:, 3:5, 1:15] = 1
    return {"image": image, "label": label}


def validation(metrics: dict[str, Any], network: nn.Module, *handlers: Any) -> SupervisedEvaluator:
    return SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset([vessel()]), batch_size=1),
        network=network,
        postprocessing=Compose([Activationsd("pred", sigmoid=True), AsDiscreted("pred", threshold=0.5)]),
        key_val_metric=metrics,
        val_handlers=list(handlers),
        metric_cmp_fn=lambda current, best: current < best,
    )


def training(evaluator: SupervisedEvaluator, network: nn.Module, epochs: int = 4) -> SupervisedTrainer:
    return SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=epochs,
        train_data_loader=DataLoader(Dataset([vessel()]), batch_size=1),
        network=network,
        optimizer=torch.optim.SGD(network.parameters(), lr=1.0),
        loss_function=lambda prediction, label: -prediction.mean(),
        train_handlers=[ValidationHandler(interval=1, validator=evaluator)],
    )


@pytest.mark.parametrize("name", ERRORS)
def test_the_best_model_is_stored_and_read_back(name: str, tmp_path: Path) -> None:
    network = Bias()
    handler = IgniteMetricHandler(ERRORS[name](), output_transform=PAIR)
    saver = CheckpointSaver(
        str(tmp_path), {"network": network}, save_key_metric=True, key_metric_negative_sign=True, file_prefix=name
    )
    evaluator = validation({name: handler}, network, saver)
    history: list[float] = []
    evaluator.add_event_handler(Events.EPOCH_COMPLETED, lambda: history.append(evaluator.state.metrics[name]))
    training(evaluator, network).run()
    assert history == [1.0, 0.0, 1.0, 2.0]
    assert all(type(value) is float for value in history)
    assert (evaluator.state.best_metric, evaluator.state.best_metric_epoch) == (0.0, 2)
    (stored,) = tmp_path.glob("*.pt")
    assert stored.name == f"{name}_network_key_metric=-0.0000.pt"
    best = Bias()
    CheckpointLoader(str(stored), {"network": best})(evaluator)
    assert best.bias.item() == 2.0
    assert network.bias.item() == 4.0


def test_the_overlap_would_have_stored_another_model(tmp_path: Path) -> None:
    network = Bias()
    saver = CheckpointSaver(str(tmp_path), {"network": network}, save_key_metric=True, key_metric_filename="best.pt")
    training(validation({"dice": MeanDice(output_transform=PAIR)}, network, saver), network).run()
    assert torch.load(tmp_path / "best.pt", weights_only=True)["bias"].item() == 3.0


@pytest.mark.filterwarnings("ignore:'(min_delta|cumulative_delta)' is deprecated:DeprecationWarning")
def test_a_training_stops_when_the_error_no_longer_falls() -> None:
    network = Bias()
    fewer = stopping_fn_from_metric("betti_error")
    stop = EarlyStopHandler(patience=1, score_function=lambda engine: -fewer(engine))
    evaluator = validation(
        {"betti_error": IgniteMetricHandler(BettiErrorMetric(), output_transform=PAIR)}, network, stop
    )
    trainer = training(evaluator, network, epochs=9)
    stop.set_trainer(trainer)
    trainer.run()
    assert trainer.state.epoch == 3  # errors of 1, 0 and 1: one epoch without a better one


def three_classes() -> list[dict[str, Any]]:
    """Three cases of three classes. The predictions are scores of the classes: the image is the answer."""
    cases = []
    for name in ("first.png", "second.png", "third.png"):
        labels = torch.zeros(3, 12, 14)
        labels[1, 1:4, 1:12] = 1
        labels[2, 6:11, 1:6] = 1
        image = labels.clone()
        if name != "first.png":
            image[2, 8, 3] = 0  # a ring instead of a disc
        if name == "third.png":
            image[1, :, 5] = image[1, :, 8] = 0  # the bar in three pieces
            image[2, 7:10, 9:12] = 1  # a second component
        cases.append({"image": image, "label": labels, "filename_or_obj": name})
    return cases


#: By class and case: components, then loops.
EXPECTED = torch.tensor([[[0, 0], [0, 0]], [[0, 0], [0, 1]], [[2, 0], [1, 1]]], dtype=torch.float)


def evaluate(
    folder: Path, metrics: dict[str, IgniteMetricHandler], summary: tuple[str, ...] | None = ("mean", "max", "notnans")
) -> SupervisedEvaluator:
    """Runs the evaluator over the three cases, with the files of MetricsSaver and TensorBoard."""
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset(three_classes()), batch_size=2),
        network=nn.Identity(),
        postprocessing=AsDiscreted("pred", threshold=0.5),
        key_val_metric={"betti_error": metrics["betti_error"]},
        additional_metrics={name: metric for name, metric in metrics.items() if name != "betti_error"},
        val_handlers=[
            MetricsSaver(
                str(folder),
                metric_details="*",
                batch_transform=lambda batch: [{"filename_or_obj": case["filename_or_obj"]} for case in batch],
                summary_ops=summary,
            ),
            TensorBoardStatsHandler(log_dir=str(folder), iteration_log=False),
        ],
    )
    evaluator.run()
    return evaluator


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize(("dimensions", "chosen"), [(None, [0, 1]), ([0], [0]), ([1], [1])])
def test_what_is_written_is_right(tmp_path: Path, dimensions: list[int] | None, chosen: list[int]) -> None:
    metrics = {
        name: IgniteMetricHandler(metric(False, dimensions=dimensions), output_transform=PAIR)
        for name, metric in ERRORS.items()
        if name != "diu"
    }
    evaluator = evaluate(tmp_path, metrics)
    errors = EXPECTED[..., chosen].sum(dim=2)
    assert evaluator.state.metrics == pytest.approx(dict.fromkeys(metrics, errors.mean().item()))
    assert {name: float(value) for name, value in rows(tmp_path / "metrics.csv")} == evaluator.state.metrics
    events = EventAccumulator(str(tmp_path)).Reload()
    for name in metrics:
        assert [event.value for event in events.Scalars(name)] == pytest.approx([errors.mean().item()])
        header, *cases = rows(tmp_path / f"{name}_raw.csv")
        assert header == ["filename", "class0", "class1", "mean"]
        assert [case[0] for case in cases] == ["first.png", "second.png", "third.png"]
        written = torch.tensor([[float(value) for value in case[1:]] for case in cases])
        torch.testing.assert_close(written, torch.cat([errors, errors.mean(dim=1, keepdim=True)], dim=1))
        summary = {row[0]: [float(value) for value in row[1:]] for row in rows(tmp_path / f"{name}_summary.csv")[1:]}
        for column, values in {"class0": errors[:, 0], "class1": errors[:, 1], "mean": errors.mean(dim=1)}.items():
            assert summary[column] == pytest.approx([values.mean().item(), values.max().item(), 3], abs=1e-4)


def test_a_class_that_does_not_count_is_empty_in_the_files(tmp_path: Path) -> None:
    metrics = {
        "betti_error": IgniteMetricHandler(BettiErrorMetric(ignore_index=2, get_not_nans=True), output_transform=PAIR),
        "cldice": IgniteMetricHandler(ClDiceMetric(ignore_empty=True), output_transform=PAIR),
    }
    with pytest.warns(UserWarning, match="can only record the first value"):
        evaluator = evaluate(tmp_path, metrics, summary=None)
    # The background channel is empty on both sides, and the class 2 does not count.
    assert evaluator.state.metrics["betti_error"] == pytest.approx(2 / 2 / 3)
    assert [case[1:4] for case in rows(tmp_path / "betti_error_raw.csv")[1:]] == [
        ["0.0", "0.0", "nan"],
        ["0.0", "0.0", "nan"],
        ["0.0", "2.0", "nan"],
    ]
    assert [case[1] for case in rows(tmp_path / "cldice_raw.csv")[1:]] == ["nan"] * 3
    assert 0.8 < evaluator.state.metrics["cldice"] < 1
