"""A process of several that share a training, as ``torchrun`` would start them, on the CPU."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import torch

PROCESSES = 2


@contextmanager
def process_group(rank: int, folder: Path) -> Iterator[None]:
    """Joins the other process through a file in a folder, and ends this process after the block.

    It ends without Python's clean-up. There, threads of torch that still ask for the interpreter make a process wait or
    abort now and then.
    """
    torch.set_num_threads(1)
    store = f"file://{folder / 'rendezvous'}"
    torch.distributed.init_process_group(
        "gloo", init_method=store, timeout=timedelta(minutes=1), rank=rank, world_size=PROCESSES
    )
    yield
    torch.distributed.destroy_process_group()
    sys.stdout.flush()
    os._exit(0)
