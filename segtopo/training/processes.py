"""The processes of ``torchrun``, which share the work of one training."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import distributed

from segtopo.errors import InputError, mismatch
from segtopo.training.interruption import StopRequest

Item = TypeVar("Item")


class Processes:
    """All processes of a training, seen from one of them. Alone, it exchanges nothing.

    Attributes:
        rank: The number of this process; process 0 prints and writes.
        size: The number of processes.
        device: The device of this process.
    """

    def __init__(self, rank: int = 0, size: int = 1, device: torch.device | None = None) -> None:
        self.rank = rank
        self.size = size
        self.device = device or torch.device("cpu")

    @property
    def is_first(self) -> bool:
        """Whether this process prints and writes."""
        return self.rank == 0

    def check(self, batch_size: int) -> None:
        """Checks that the processes can share a batch.

        Raises:
            InputError: They cannot.
        """
        if batch_size % self.size:
            expected = f"a multiple of the {self.size} processes, which share each batch"
            raise InputError(mismatch("batch_size", got=batch_size, expected=expected))

    def wait(self) -> None:
        """Waits until all processes are here."""
        if self.size > 1:
            distributed.barrier()

    @contextmanager
    def first_alone(self) -> Iterator[None]:
        """Lets the first process do a block, then the others."""
        if not self.is_first:
            self.wait()
        yield
        if self.is_first:
            self.wait()

    def average(self, tensors: Iterable[torch.Tensor]) -> None:
        """Replaces each tensor by its mean over the processes."""
        if self.size > 1:
            for tensor in tensors:
                distributed.all_reduce(tensor)
                tensor.div_(self.size)

    def mean(self, values: Mapping[str, float]) -> dict[str, float]:
        """Returns the mean of each value over the processes, which all have the same names."""
        if self.size == 1:
            return dict(values)
        numbers = torch.tensor(list(values.values()), dtype=torch.float64, device=self.device)
        self.average([numbers])
        return dict(zip(values, numbers.tolist(), strict=True))

    def agree(self, stop: StopRequest) -> None:
        """Hands the signal that one process has received to all of them, so that they stop together."""
        if self.size > 1:
            received = torch.tensor(0 if stop.received is None else int(stop.received), device=self.device)
            distributed.all_reduce(received, distributed.ReduceOp.MAX)
            stop.received = signal.Signals(int(received)) if received else None

    def share(self, items: list[Item]) -> list[Item]:
        """Returns the items of this process."""
        return items[self.rank :: self.size]

    def gather(self, items: list[Item]) -> list[Item]:
        """Returns the items of all processes, in the order in which they were shared."""
        if self.size == 1:
            return items
        gathered: list[Any] = [None] * self.size
        distributed.all_gather_object(gathered, items)
        total = sum(map(len, gathered))
        return [gathered[number % self.size][number // self.size] for number in range(total)]


def launched_rank() -> int:
    """Returns the number of this process among those of ``torchrun``."""
    return int(os.environ.get("RANK", "0"))


@contextmanager
def processes_of(device: torch.device) -> Iterator[tuple[Processes, torch.device]]:
    """Joins the processes of ``torchrun`` for the block.

    Args:
        device: The device of the config. Of several processes on CUDA, each has a device of its own.

    Yields:
        The processes and the device of this one.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Processes(), device
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Processes(launched_rank(), size, device), device
    finally:
        distributed.destroy_process_group()
