"""How the kernel runs: batches over threads, Ctrl-C, and volumes whose cells 32 bits do not count."""

import itertools
import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from segtopo.persistence import batch_persistence_diagrams, compute_persistence, persistence_diagrams


@pytest.mark.parametrize("num_threads", [1, 2, 3, 8])
@pytest.mark.parametrize(("count", "shape"), [(1, (9, 12)), (3, (9, 12)), (5, (9, 12)), (3, (5, 6, 7)), (0, (4, 5))])
def test_a_batch_is_its_images_one_by_one(count, shape, num_threads):
    images = torch.from_numpy(np.random.default_rng(count).random((count, *shape)))
    batch = batch_persistence_diagrams(images, num_threads=num_threads)
    assert len(batch) == count
    for image, diagrams in zip(images, batch, strict=True):
        for one, other in zip(diagrams, persistence_diagrams(image, num_threads=1), strict=True):
            assert torch.equal(one.births, other.births)
            assert torch.equal(one.birth_voxels, other.birth_voxels)
            assert torch.equal(one.death_voxels, other.death_voxels)


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("delay", [0.05, 0.4, 1.0])
def test_ctrl_c_stops_a_long_computation(delay, num_threads):
    image = np.random.default_rng(0).random((256, 256, 128), np.float32)  # takes several seconds
    arrived = []

    def interrupt():
        arrived.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(delay, interrupt)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        compute_persistence(image, num_threads=num_threads)
    stopped = time.perf_counter()
    timer.join()
    assert stopped - arrived[0] < 1  # second: the promise, and some twenty times what it takes


def available_gigabytes():
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) / 2**20


@pytest.mark.skipif(available_gigabytes() < 12, reason="needs 12 GB of memory")
@pytest.mark.parametrize("construction", ["V", "T"])
def test_a_volume_of_more_cells_than_32_bits_count(construction):
    """A frame, a box and a speck at either end of a thin volume of 2^29 voxels and more, otherwise zero."""
    shape = (12, 12, 2**22 - 5)
    image = np.zeros(shape, np.float32)
    assert image.size > 2**29
    for start in (2, shape[2] - 10):
        image[2, 2:9, start : start + 7] = 3
        image[2, 3:8, start + 1 : start + 6] = 0  # a loop
        image[5:10, 2:7, start : start + 5] = 4
        image[6:9, 3:6, start + 1 : start + 4] = 1  # a cavity
        image[5, 10, start + 6] = 2
    pairs = compute_persistence(image, construction=construction)
    bars = sorted(zip(pairs.dimensions.tolist(), pairs.births.tolist(), pairs.deaths.tolist(), strict=True))
    loop, cavity, speck, frame, box = (1, 3, 0), (2, 4, 1), (0, 2, 0), (0, 3, 0), (0, 4, 0)
    essential = (0, 4, -np.inf)
    assert bars == sorted([essential, box, *itertools.chain(*[[loop, cavity, speck, frame]] * 2)])
    for voxels, values in ((pairs.birth_voxels, pairs.births), (pairs.death_voxels, pairs.deaths)):
        finite = np.isfinite(values)
        assert np.array_equal(image[tuple(voxels[finite].T)], values[finite])
    assert sorted(pairs.birth_voxels[pairs.births == 2][:, 2].tolist()) == [8, shape[2] - 4]
