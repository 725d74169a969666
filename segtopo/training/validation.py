"""Scores the whole validation images: Dice and errors of the Betti numbers, averaged over cases and classes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from ignite.engine import Events
from monai.engines import SupervisedEvaluator
from monai.metrics import compute_dice
from monai.networks import one_hot
from torch.utils.data import DataLoader

from segtopo.config import TrainingConfig
from segtopo.inference.sliding_windows import SlidingWindows, most_probable
from segtopo.metrics import compute_betti_error
from segtopo.training.data import CaseDataset, LoadedCase
from segtopo.training.epoch_rows import Scores, mean_scores
from segtopo.training.interruption import StopRequest
from segtopo.training.reporting import LOGGER


def score(prediction: torch.Tensor, label: torch.Tensor, classes: int) -> Scores:
    """Scores one case.

    Args:
        prediction: Predicted labels (1, *spatial).
        label: True labels (1, *spatial).
        classes: The number of classes, background included. The background is not scored.

    Returns:
        Means over the foreground classes.
    """
    predicted, true = (one_hot(labels[None].long(), classes)[:, 1:] for labels in (prediction, label))
    dice = compute_dice(predicted, true, include_background=True, ignore_empty=False)
    betti_errors = compute_betti_error(predicted, true).mean(dim=(0, 1))
    return Scores(float(dice.mean()), tuple(float(error) for error in betti_errors))


class Validator:
    """Runs MONAI's evaluator over the validation cases."""

    def __init__(
        self,
        cases: Sequence[LoadedCase],
        config: TrainingConfig,
        network: torch.nn.Module,
        device: torch.device,
        stop: StopRequest,
    ) -> None:
        self.scores: list[Scores] = []
        self.classes = config.data.classes
        # The images remain on the CPU. The inferer moves each batch of windows to the network's device.
        self.evaluator = SupervisedEvaluator(
            device=torch.device("cpu"),
            val_data_loader=DataLoader(CaseDataset(cases), batch_size=1),
            network=network,
            inferer=SlidingWindows(config, config.validation.overlap, stop.raise_if_received),
            decollate=False,
        )
        self.evaluator.logger = LOGGER
        self.evaluator.add_event_handler(Events.ITERATION_COMPLETED, self._score)

    def run(self) -> Scores:
        """Returns the mean scores of the network with its present weights."""
        self.scores = []
        self.evaluator.run()
        return mean_scores(self.scores)

    def _score(self, evaluator: SupervisedEvaluator) -> None:
        output = evaluator.state.output
        self.scores.append(score(most_probable(output["pred"]), output["label"][0], self.classes))
