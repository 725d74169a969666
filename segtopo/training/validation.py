"""Scores the whole validation images: Dice and errors of the Betti numbers, averaged over cases and classes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from ignite.engine import Events
from monai.engines import SupervisedEvaluator
from monai.metrics import compute_dice
from monai.networks import eval_mode, one_hot
from torch.utils.data import DataLoader

from segtopo.config import TrainingConfig
from segtopo.inference.sliding_windows import SlidingWindows, most_probable
from segtopo.metrics import compute_betti_error
from segtopo.repair import repair_classes
from segtopo.training.case_cache import CachedCase
from segtopo.training.data import CaseDataset
from segtopo.training.epoch_rows import Scores, ValidationScores, mean_scores
from segtopo.training.processes import Processes
from segtopo.training.reporting import LOGGER


def score(prediction: torch.Tensor, label: torch.Tensor, classes: int) -> Scores:
    """Scores one case.

    Args:
        prediction: Predicted labels (1, *spatial).
        label: True labels (1, *spatial). Voxels of higher labels than those of the classes do not count.
        classes: The number of classes, background included. The background is not scored.

    Returns:
        Means over the foreground classes.
    """
    counted = label < classes
    predicted, true = (one_hot((labels * counted)[None].long(), classes)[:, 1:] for labels in (prediction, label))
    dice = compute_dice(predicted, true, include_background=True, ignore_empty=False)
    betti_errors = compute_betti_error(predicted, true, reduce_dimensions=False).mean(dim=(0, 1))
    return Scores(float(dice.mean()), tuple(float(error) for error in betti_errors))


class Validator:
    """Runs MONAI's evaluator over the validation cases.

    Args:
        cases: The validation cases.
        config: Classes, patch size and overlap.
        network: The network, on its device.
        processes: The processes that share the cases.
        before_window: Called before each batch of windows. An exception that it raises ends the validation.
    """

    def __init__(
        self,
        cases: Sequence[CachedCase],
        config: TrainingConfig,
        network: torch.nn.Module,
        processes: Processes | None = None,
        before_window: Callable[[], None] = lambda: None,
    ) -> None:
        self.processes = processes or Processes()
        self.cases = self.processes.share(list(cases))
        self.classes = config.data.classes
        self.class_names = config.data.names
        self.repair = config.validation.repair
        self.on_case: Callable[[CachedCase, torch.Tensor], None]
        # The images remain on the CPU. The inferer moves each batch of windows to the network's device.
        self.evaluator = SupervisedEvaluator(
            device=torch.device("cpu"),
            val_data_loader=DataLoader(CaseDataset(self.cases), batch_size=1),
            network=network,
            inferer=SlidingWindows(config, config.validation.overlap, before_window),
            decollate=False,
        )
        self.evaluator.logger = LOGGER
        self.evaluator.add_event_handler(Events.ITERATION_COMPLETED, self._visit)

    def run(self) -> ValidationScores:
        """Returns the mean scores of the network with its present weights."""
        predicted: list[Scores] = []
        repaired: list[Scores] = []

        def visit(case: CachedCase, foreground: torch.Tensor) -> None:
            label = torch.from_numpy(case.reference[:])
            predicted.append(score(most_probable(foreground), label, self.classes))
            if self.repair:
                labels = repair_classes(foreground[0].numpy(), spacing=case.spacing).labels
                repaired.append(score(torch.from_numpy(labels)[None], label, self.classes))

        self._for_each_case(visit)
        predicted, repaired = self.processes.gather(predicted), self.processes.gather(repaired)
        return ValidationScores(mean_scores(predicted), mean_scores(repaired) if repaired else None)

    def probabilities(self, case: CachedCase, labels: Iterable[int]) -> Iterator[npt.NDArray[np.float32]]:
        """Yields the probability of each of some classes (*image_shape), 0 in the voxels that are ignored."""
        with eval_mode(self.evaluator.network):
            foreground = self.evaluator.inferer(torch.from_numpy(case.image[:])[None], self.evaluator.network)
        counted = case.reference[0] < self.classes
        for label in labels:  # the image may have a finer grid: one class after the other
            yield case.grid.from_grid(foreground[0, label - 1 : label])[0].numpy() * counted

    def _for_each_case(self, visit: Callable[[CachedCase, torch.Tensor], None]) -> None:
        """Calls ``visit`` with each case and the probabilities (1, classes - 1, *image_shape) of its foreground.

        Cases are scored on the grids of their images, because masks are used there.
        """
        self.on_case = visit
        if self.cases:
            self.evaluator.run()

    def _visit(self, evaluator: SupervisedEvaluator) -> None:
        case = self.cases[evaluator.state.iteration - 1]
        self.on_case(case, case.grid.from_grid(evaluator.state.output["pred"][0])[None])
