"""Scores the whole validation images: Dice and errors of the Betti numbers, averaged over cases and structures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from ignite.engine import Events
from monai.engines import SupervisedEvaluator
from monai.metrics import compute_dice
from monai.networks import eval_mode
from torch.utils.data import DataLoader

from segtopo.config import TrainingConfig
from segtopo.config.output_channels import OutputChannels
from segtopo.inference.sliding_windows import SlidingWindows
from segtopo.metrics import compute_betti_error
from segtopo.repair.case_repair import repair_channels
from segtopo.training.case_cache import CachedCase
from segtopo.training.data import CaseDataset
from segtopo.training.epoch_rows import Scores, ValidationScores, mean_scores
from segtopo.training.processes import Processes
from segtopo.training.reporting import LOGGER


def score(prediction: torch.Tensor, label: torch.Tensor, channels: OutputChannels) -> Scores:
    """Scores one case.

    Args:
        prediction: Predicted labels (1, *spatial).
        label: True labels (1, *spatial). Voxels of higher labels than those of the structures do not count.
        channels: The structures. The background is not scored.

    Returns:
        Means over the structures and, if there are several, the scores of each.
    """
    counted = label <= channels.highest
    predicted, true = (channels.masks(labels * counted).float() for labels in (prediction, label))
    dice = compute_dice(predicted, true, include_background=True, ignore_empty=False)
    betti_errors = compute_betti_error(predicted, true, reduce_dimensions=False)
    of_each = [
        Scores(float(overlap), tuple(map(float, errors)))
        for overlap, errors in zip(dice[0], betti_errors[0], strict=True)
    ]
    mean = mean_scores(of_each)
    return replace(mean, structures=dict(zip(channels.names, of_each, strict=True))) if len(of_each) > 1 else mean


class Validator:
    """Runs MONAI's evaluator over the validation cases.

    Args:
        cases: The validation cases.
        config: Classes or regions, patch size and overlap.
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
        self.channels = config.data.output_channels
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
            predicted.append(score(self.channels.label_map(foreground), label, self.channels))
            if self.repair:
                maps = foreground[0].numpy()
                labels = repair_channels(maps, self.channels, spacing=case.spacing).labels
                repaired.append(score(torch.from_numpy(labels)[None], label, self.channels))

        self._for_each_case(visit)
        predicted, repaired = self.processes.gather(predicted), self.processes.gather(repaired)
        return ValidationScores(mean_scores(predicted), mean_scores(repaired) if repaired else None)

    def probabilities(self, case: CachedCase, structures: Iterable[int]) -> Iterator[npt.NDArray[np.float32]]:
        """Yields the probability of each of some structures (*image_shape), 0 in the voxels that are ignored."""
        with eval_mode(self.evaluator.network):
            foreground = self.evaluator.inferer(torch.from_numpy(case.image[:])[None], self.evaluator.network)
        counted = case.reference[0] <= self.channels.highest
        for structure in structures:  # the image may have a finer grid: one structure after the other
            yield case.grid.from_grid(foreground[0, structure : structure + 1])[0].numpy() * counted

    def _for_each_case(self, visit: Callable[[CachedCase, torch.Tensor], None]) -> None:
        """Calls ``visit`` with each case and the probabilities (1, structures, *image_shape) of its foreground.

        Cases are scored on the grids of their images, because masks are used there.
        """
        self.on_case = visit
        if self.cases:
            self.evaluator.run()

    def _visit(self, evaluator: SupervisedEvaluator) -> None:
        case = self.cases[evaluator.state.iteration - 1]
        self.on_case(case, case.grid.from_grid(evaluator.state.output["pred"][0])[None])
