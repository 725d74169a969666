"""nnU-Net from its planning to repaired masks, with the trainers of segtopo, on tiny data sets; on a CPU in minutes.

python scripts/nnunet/run.py FOLDER [NUMBER of a data set ...]

FOLDER must be new or empty. The output of nnU-Net goes to FOLDER/log.txt. The last lines are a table of checks; the
exit code is 1 if one fails.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813
from tiny_datasets import DATASETS, TESTS, Dataset

VARIABLE = "segtopo_nnunet"
TRAINER = "nnUNetTrainerBettiMatching"
FOLDS = ("0", "1")
SETTINGS = "{{num_epochs: {}, num_iterations_per_epoch: 3, num_val_iterations_per_epoch: 2, start_epoch: {}}}"
#: Rules that change nothing.
NO_EDITS = ("--connect-above", "none", "--min-piece-size", "0", "--min-hole-size", "0")


class Run:
    """The data sets in one folder, and the checks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.failures = 0
        self.rows: list[str] = []
        for name in ("raw", "preprocessed", "results"):
            os.environ[f"nnUNet_{name}"] = str(folder / name)
        # At least one process: with 0, nnU-Net's planning asks torch for 0 threads, which is an error.
        os.environ |= {"nnUNet_def_n_proc": "2", "nnUNet_n_proc_DA": "1"}

    def check(self, name: str, passed: bool, seconds: float) -> None:
        self.failures += not passed
        self.rows.append(f"{name:66} {'passed' if passed else 'FAILED'}  {seconds:5.0f} s")
        print(self.rows[-1], flush=True)

    def segtopo(self, *words: object) -> int:
        """Runs a command of segtopo in this process."""
        from segtopo.cli import run

        with self.log():
            print("$ segtopo", *words, flush=True)
            return run([str(word) for word in words])

    @contextmanager
    def log(self) -> Iterator[None]:
        """Sends the output of this process and of those that it starts to the log."""
        sys.stdout.flush()
        kept = [os.dup(number) for number in (1, 2)]
        with (self.folder / "log.txt").open("a", encoding="utf-8") as file:
            for number in (1, 2):
                os.dup2(file.fileno(), number)
            try:
                yield
            finally:
                sys.stdout.flush()
                for number, old in zip((1, 2), kept, strict=True):
                    os.dup2(old, number)

    def dataset(self, dataset: Dataset) -> None:
        """Plans, trains, resumes, predicts, finds the best configuration, repairs and calibrates."""
        name, number, configuration = dataset.name, dataset.number, dataset.configuration
        raw, out = self.folder / "raw" / dataset.folder, self.folder / "repaired"
        model = self.folder / "results" / dataset.folder / f"{TRAINER}__nnUNetPlans__{configuration}"

        began = time.monotonic()
        dataset.write(self.folder / "raw")
        program = Path(sys.executable).parent / "nnUNetv2_plan_and_preprocess"
        words = [program, "-d", str(number), "-c", configuration, "-np", "2", "--verify_dataset_integrity"]
        with self.log():
            planned = subprocess.run(words, check=False).returncode == 0
        self.check(f"{name}: nnUNetv2_plan_and_preprocess", planned, time.monotonic() - began)

        for fold in FOLDS:
            began = time.monotonic()
            words = ["nnunet", "train", number, configuration, fold, "-tr", TRAINER, "-device", "cpu", "--npz"]
            os.environ[VARIABLE] = SETTINGS.format(1, 0)
            trained = self.segtopo(*words) == 0
            os.environ[VARIABLE] = SETTINGS.format(2, 1)
            resumed = self.segtopo(*words, "--c") == 0
            passed = trained and resumed and is_resumed(model / f"fold_{fold}")
            self.check(f"{name}: train and resume fold {fold}", passed, time.monotonic() - began)
        del os.environ[VARIABLE]

        began = time.monotonic()
        predictions = self.folder / "predictions" / name
        words = ["-i", raw / "imagesTs", "-o", predictions, "-d", number, "-c", configuration, "-tr", TRAINER]
        words += ["-f", *FOLDS, "-device", "cpu", "--save_probabilities", "--disable_progress_bar"]
        words += ["-chk", "checkpoint_best_topology.pth"]
        passed = self.segtopo("nnunet", "predict", *words) == 0 and len(list(predictions.glob("*.npz"))) == TESTS
        self.check(f"{name}: predict with the best topology", passed, time.monotonic() - began)

        began = time.monotonic()
        words = [number, "-c", configuration, "-tr", TRAINER, "-f", *FOLDS, "-np", "2"]
        passed = self.segtopo("nnunet", "find-best", *words) == 0
        passed &= (self.folder / "results" / dataset.folder / "inference_instructions.txt").is_file()
        self.check(f"{name}: find-best", passed, time.monotonic() - began)

        for maps, masks in ((predictions, predictions), (model, model)):
            began = time.monotonic()
            same = out / f"{name}_{maps.name}_same"
            passed = self.segtopo("repair", maps, "--out", same, *NO_EDITS) == 0
            passed &= equal_masks(same, masks, raw)
            what = "of the folds" if maps == model else "of the test images"
            self.check(f"{name}: masks {what} equal nnU-Net's", passed, time.monotonic() - began)

        began = time.monotonic()
        rules = [out / f"{name}_rules_{channel}.json" for channel in (1, 2)]
        passed = True
        for channel, file in enumerate(rules, start=1):
            words = [model, raw / "labelsTr", "--channel", channel, "--skip-missing", "--out", file]
            passed &= self.segtopo("calibrate", *words) == 0
            passed &= json.loads(file.read_text(encoding="utf-8"))["cases"] == len(FOLDS)
        repaired = out / name
        words = ["repair", predictions, "--out", repaired, "--rules", rules[0], "--rules", rules[1]]
        passed &= self.segtopo(*words) == 0
        passed &= all(geometry(path) == geometry(raw_image(raw, path)) for path in repaired.glob("*.nii.gz"))
        self.check(f"{name}: calibrate on the folds and repair", passed, time.monotonic() - began)


def is_resumed(fold: Path) -> bool:
    """Tells whether a training of one epoch went on with a second, which has the topological loss."""
    import torch

    checkpoint = torch.load(fold / "checkpoint_final.pth", weights_only=False)
    log = checkpoint["logging"]
    has_all = all(len(values) == 2 for values in log.values())
    has_topology = log["topology_weights"][1] > 0 and log["train_topology_losses"][1] > 0
    files = ("checkpoint_best_topology.pth", "progress_topology.png", "segtopo_nnunet.yaml")
    return checkpoint["current_epoch"] == 2 and has_all and has_topology and all((fold / f).is_file() for f in files)


def geometry(path: Path) -> tuple[object, ...]:
    image = sitk.ReadImage(str(path))
    rounded = (np.round(values, 5).tolist() for values in (image.GetSpacing(), image.GetOrigin(), image.GetDirection()))
    return (image.GetSize(), *rounded)


def raw_image(raw: Path, mask: Path) -> Path:
    """Returns the image of a mask."""
    (image,) = raw.glob(f"images*/{mask.name.removesuffix('.nii.gz')}_0000.nii.gz")
    return image


def equal_masks(repaired: Path, predicted: Path, raw: Path) -> bool:
    """Tells whether masks equal those of nnU-Net, voxel by voxel, and lie where the images lie."""
    masks = sorted(repaired.glob("*.nii.gz"))
    for mask in masks:
        (nnunets,) = [*predicted.glob(mask.name), *predicted.glob(f"fold_*/validation/{mask.name}")]
        arrays = [sitk.GetArrayFromImage(sitk.ReadImage(str(path))) for path in (mask, nnunets)]
        if not np.array_equal(*arrays) or geometry(mask) != geometry(raw_image(raw, mask)):
            return False
    return len(masks) == 2


def main() -> int:
    """Runs the data sets and prints the table."""
    folder = Path(sys.argv[1]).resolve()
    chosen = [dataset for dataset in DATASETS if len(sys.argv) == 2 or str(dataset.number) in sys.argv[2:]]
    folder.mkdir(parents=True, exist_ok=True)
    sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
    from oracles.tiny_nnunet import load_torchvision

    load_torchvision()
    run = Run(folder)
    for dataset in chosen:
        run.dataset(dataset)
    print(f"{len(run.rows) - run.failures} passed, {run.failures} failed")
    return 1 if run.failures else 0


if __name__ == "__main__":
    sys.exit(main())
