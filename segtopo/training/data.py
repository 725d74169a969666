"""Draws random patches from the cases of a training.

Patch n depends only on the seed and n, so that a resumed training draws the same patches, with any number of workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from segtopo.config import TrainingConfig
from segtopo.config.transforms import IMAGE, LABEL, build_transforms
from segtopo.errors import InputError, mismatch
from segtopo.training.case_cache import CachedCase, CaseCache
from segtopo.training.case_sources import TrainingCase
from segtopo.training.foreground import draw_voxel

CASE = "case"

#: Numbers of the two independent random streams of one seed.
ORDER_STREAM, PATCH_STREAM = 0, 1


def load_cases(
    cases: Sequence[TrainingCase],
    config: TrainingConfig,
    progress: Callable[[str, int, int], None] = lambda case, number, total: None,
) -> list[CachedCase]:
    """Prepares cases in the cache of the config, where they are not yet.

    Args:
        cases: The files.
        config: The cache, channels, normalisation, classes and number of axes.
        progress: Called before each case with its name, its number (from 1) and the number of cases.

    Raises:
        InputError: A case cannot be used, or has another number of channels than the first.
    """
    cache = CaseCache(config.cache_folder, config)
    loaded: list[CachedCase] = []
    for number, case in enumerate(cases, start=1):
        progress(case.name, number, len(cases))
        loaded.append(cache.get(case))
        channels, expected = loaded[-1].channels, loaded[0].channels
        if channels != expected:
            got = f"{channels} channels"
            raise InputError(mismatch(case.images[0], got=got, expected=f"{expected}, as in {cases[0].images[0]}"))
    return loaded


class PatchDataset(Dataset[dict[str, Any]]):
    """All random patches of a training, by number. Each pass over the cases has a new order and one patch per case."""

    def __init__(self, cases: Sequence[CachedCase], config: TrainingConfig) -> None:
        self.cases = cases
        self.config = config
        self.transforms = build_transforms(config.transforms, config.dimensions)

    def __len__(self) -> int:
        return self.config.epochs * self.config.iterations_per_epoch * self.config.patches_per_iteration

    def __getitem__(self, number: int) -> dict[str, Any]:
        """Returns image (C, *patch) float32, label (1, *patch) int64 and the name of the case."""
        round_number, position = divmod(number, len(self.cases))
        order = np.random.default_rng((self.config.seed, ORDER_STREAM, round_number)).permutation(len(self.cases))
        case = self.cases[order[position]]
        generator = np.random.default_rng((self.config.seed, PATCH_STREAM, number))
        patch = self._crop(case, generator)
        self.transforms.set_random_state(seed=int(generator.integers(2**31)))
        patch = self.transforms(patch)
        return {IMAGE: _tensor(patch[IMAGE], torch.float32), LABEL: _tensor(patch[LABEL], torch.int64), CASE: case.name}

    def _crop(self, case: CachedCase, generator: np.random.Generator) -> dict[str, Any]:
        """Cuts out a random patch, or one that holds a voxel of a random class. A smaller image is padded by zeros."""
        shape, size = np.array(case.grid.shape), np.array(self.config.patch_size)
        low, high = np.zeros_like(shape), np.maximum(shape - size, 0)
        drawn = None
        if generator.random() < self.config.foreground_fraction:
            drawn = draw_voxel(case.foreground, case.voxels, generator)
        if drawn is not None:
            voxel = np.array(np.unravel_index(drawn, case.grid.shape))
            low, high = np.clip(voxel - size + 1, low, high), np.minimum(voxel, high)
        start = generator.integers(low, high, endpoint=True)
        stop = np.minimum(start + size, shape)
        window = (slice(None), *(slice(int(first), int(last)) for first, last in zip(start, stop, strict=True)))
        missing = [(0, 0), *((0, gap) for gap in np.maximum(size - shape, 0))]
        return {IMAGE: np.pad(case.image[window], missing), LABEL: np.pad(case.label[window], missing)}


class CaseDataset(Dataset[dict[str, Any]]):
    """The whole cases, for validation."""

    def __init__(self, cases: Sequence[CachedCase]) -> None:
        self.cases = cases

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int) -> dict[str, Any]:
        case = self.cases[index]
        return {IMAGE: torch.from_numpy(case.image[:]), LABEL: torch.from_numpy(case.label[:]), CASE: case.name}


class PatchNumbers(Sampler[int]):
    """The numbers of the patches of one of several processes, from an iteration to the end of the training.

    Each batch of the config is shared among the processes: the same numbers are used whatever their number.
    """

    def __init__(self, dataset: PatchDataset, first_iteration: int, rank: int, processes: int) -> None:
        self.first = first_iteration * dataset.config.patches_per_iteration
        self.end = len(dataset)
        self.share = dataset.config.batch_size // processes
        self.rank, self.processes = rank, processes

    def __iter__(self) -> Iterator[int]:
        for start in range(self.first + self.rank * self.share, self.end, self.share * self.processes):
            yield from range(start, start + self.share)

    def __len__(self) -> int:
        return (self.end - self.first) // self.processes


def patch_loader(
    dataset: PatchDataset, first_iteration: int, rank: int = 0, processes: int = 1
) -> DataLoader[dict[str, Any]]:
    """Returns the patches of each iteration, from ``first_iteration`` to the end of the training.

    Args:
        dataset: The patches.
        first_iteration: The number of iterations that are done.
        rank: The number of this process.
        processes: The number of processes that share each batch.
    """
    config = dataset.config
    return DataLoader(
        dataset,
        batch_size=config.patches_per_iteration // processes,
        sampler=PatchNumbers(dataset, first_iteration, rank, processes),
        num_workers=config.workers,
        worker_init_fn=_ignore_stop_signals,
    )


def _ignore_stop_signals(worker: int) -> None:
    """Ignores the signals that terminals and job managers send to workers too: only the main process handles them."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _tensor(array: Any, dtype: torch.dtype) -> torch.Tensor:
    tensor = array.as_tensor() if hasattr(array, "as_tensor") else torch.as_tensor(np.ascontiguousarray(array))
    return tensor.to(dtype)
