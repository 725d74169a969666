"""Kills trainings, predictions, repairs and evaluations at random moments, and checks that their reruns lose nothing.

Each work is done once without a kill. Then it is begun again and again in new folders, killed by SIGKILL at random
moments, up to three times, and rerun to its end. The result must equal the first one, and no hidden folder may stay:

    python scripts/stress/kills.py --kills 200

A process is forked from one that has imported everything, so that a kill takes about as long as the work itself.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads of the parent would not live on in a fork

import numpy as np
import torch

from segtopo.cli import run
from segtopo.cli.interruption import prompt_interruption
from segtopo.evaluation import EvaluationOptions, evaluate
from segtopo.inference import predict
from segtopo.inference.checkpoint import Checkpoint
from segtopo.repair import repair_files
from segtopo.training import train
from segtopo.volumes import write_volume

KILLS_OF_ONE_WORK = 3
#: The newest of these files that exists tells how far a work had come.
MARKS = ("records", "cases", "cache", "last.pt", "best.pt", "repair_rules.json", "edits.csv", "summary.json")

CONFIG = """
out: runs/unset
data:
  train: {{images: {data}/images, labels: {data}/labels}}
  split: {{fraction: 0.25}}
  normalization: {{name: ZScore}}
transforms: [{{name: RandFlip}}, {{name: RandGaussianNoise, prob: 0.5}}]
network: {{name: UNet, channels: [4, 8], num_res_units: 1, dropout: 0.1}}
loss: {{name: CombinedTopologyLoss, schedule: {{start_epoch: 1}}}}
optimizer: {{name: AdamW, lr: 0.01, clip_norm: 1.0}}
schedule: {{name: Cosine, warmup_epochs: 1}}
validation: {{repair: true}}
patch_size: [16, 12]
batch_size: 2
accumulate: 2
ema: 0.9
epochs: 4
iterations_per_epoch: 4
device: cpu
"""


@dataclass(frozen=True)
class Work:
    """A command, begun by a function of its output folder, and all of the result that must be the same each time."""

    name: str
    begin: Callable[[Path], object]
    result: Callable[[Path], object]


def main() -> None:
    """Runs all kills and prints how many results were the same."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=40, help="number of kills, shared by the works")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments")
    parser.add_argument("--works", default="train,predict,repair,evaluate", help="the works to kill")
    options = parser.parse_args()
    generator = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as name:
        works = [work for work in make_works(Path(name)) if work.name in options.works.split(",")]
        failures = sum(kill(work, Path(name), options.kills // len(works), generator) for work in works)
    sys.exit(1 if failures else 0)


def make_works(folder: Path) -> list[Work]:
    """Writes tiny cases and a config, trains a network, and returns the works on them."""
    data = folder / "data"
    noise = np.random.default_rng(0)
    for number in range(4):
        mask = np.zeros((24, 21), bool)
        mask[2 + number : 5 + number, 1:-2] = True
        image = (100 * mask + noise.normal(60, 12, mask.shape)).clip(0, 255).astype(np.uint8)
        write_volume(data / f"images/case_{number}.nii.gz", image)
        write_volume(data / f"labels/case_{number}.nii.gz", mask)
        write_volume(data / f"maps/case_{number}.nii.gz", noise.random((60, 50, 40), dtype=np.float32))
    config = folder / "config.yaml"
    config.write_text(CONFIG.format(data=data), encoding="utf-8")
    trained = folder / "trained"
    in_fork(lambda: train(config, [f"out={trained}"]))

    def train_or_resume(out: Path) -> None:
        resume = ["--resume"] if (out / "last.pt").exists() else []
        with prompt_interruption():
            assert run(["train", str(config), f"out={out}", *resume]) == 0

    return [
        Work("train", train_or_resume, training_result),
        Work(
            "predict",
            lambda out: predict(trained, data / "images", out, probabilities=True, repair=True, mirror=True),
            file_contents,
        ),
        Work("repair", lambda out: repair_files(data / "maps", out, pictures=True, workers=2), file_contents),
        Work(
            "evaluate",
            lambda out: evaluate(data / "labels", data / "labels", out, EvaluationOptions(), workers=2),
            file_contents,
        ),
    ]


def training_result(out: Path) -> object:
    """Returns the losses, the weights and the rules of a training, without its durations."""
    checkpoints = [Checkpoint.load(out / name) for name in ("last.pt", "best.pt")]
    histories = [
        [{key: value for key, value in row.items() if key != "seconds"} for row in checkpoint.history]
        for checkpoint in checkpoints
    ]
    weights = [
        {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}
        for checkpoint in checkpoints
        for tensors in (checkpoint.network, checkpoint.averaged)
    ]
    return histories, weights, [checkpoint.repair_rules for checkpoint in checkpoints]


def file_contents(out: Path) -> object:
    """Returns the files of a result by name, without the report, which names the folder."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.suffix != ".html"
    }


def in_fork(function: Callable[[], object], seconds: float | None = None) -> bool:
    """Runs a function in a process of its own, without output. Kills it after a time; True: it was killed."""
    process = os.fork()
    if process == 0:
        code = 1
        try:
            with open(os.devnull, "w", encoding="utf-8") as null:
                os.dup2(null.fileno(), 1)
                sys.stdout = null
                torch.set_num_threads(1)
                function()
            code = 0
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
        finally:
            os._exit(code)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(process, signal.SIGKILL)
    status = os.waitpid(process, 0)[1]
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return True
    if os.waitstatus_to_exitcode(status) != 0:
        raise RuntimeError(f"the process failed with exit code {os.waitstatus_to_exitcode(status)}")
    return False


def kill(work: Work, folder: Path, kills: int, generator: random.Random) -> int:
    """Kills a work at random moments, reruns it, and returns the number of results that differ."""
    whole = folder / f"{work.name}_whole"
    began = time.monotonic()
    in_fork(lambda: work.begin(whole))
    duration = time.monotonic() - began
    expected = work.result(whole)
    done, number, failures = 0, 0, 0
    moments: Counter[str] = Counter()
    while done < kills:
        number += 1
        out = folder / f"{work.name}_{number}"
        for _ in range(KILLS_OF_ONE_WORK):
            if not in_fork(lambda out=out: work.begin(out), generator.uniform(0, duration)):  # type: ignore[misc]
                break
            done += 1
            moments[progress_of(out)] += 1
        in_fork(lambda out=out: work.begin(out))  # type: ignore[misc]
        failures += not is_same(work, out, expected)
    print(json.dumps({"work": work.name, "kills": done, "reruns": number, "differ": failures, "at": dict(moments)}))
    return failures


def progress_of(out: Path) -> str:
    """Returns the last mark of a work in its folder."""
    return next((mark for mark in reversed(MARKS) if (out / mark).exists()), "nothing")


def is_same(work: Work, out: Path, expected: Any) -> bool:
    """Whether a result is the expected one and nothing hidden is beside it."""
    hidden = [str(path) for path in (*out.parent.glob(".*"), *out.rglob(".*"))]
    if hidden:
        print(f"{out.name}: {len(hidden)} hidden folders, for instance {hidden[0]}")
    result = work.result(out)
    if result != expected:
        print(f"{out.name}: the result differs")
    return not hidden and result == expected


if __name__ == "__main__":
    main()
