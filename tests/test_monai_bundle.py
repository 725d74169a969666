"""The MONAI bundle runs as the README says, with the losses as `_target_`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import torch

ROOT = Path(__file__).parents[1]
CONFIG = "scripts/examples/monai_bundle/configs/train.yaml"


def test_the_bundle_trains_with_topology(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "monai.bundle", "run", "--config_file", CONFIG, "--out", str(tmp_path)]
    options = [
        "--epochs",
        "4",
        "--loss#schedule#start_epoch",
        "2",
        "--loss#schedule#ramp_epochs",
        "0",
        "--loss#lambda_topology",
        "9",
    ]
    assert f"python {' '.join(command[1:-2])}" in (ROOT / "README.md").read_text()
    run = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    values = [float(value) for value in re.findall(r"loss: (\S+)", run.stdout + run.stderr)]
    assert len(values) == 12  # three batches in each epoch
    assert min(values[6:]) > 2 * max(values[:6])  # nine times the topology, once it is there
    (saved,) = tmp_path.glob("*.pt")
    assert torch.load(saved, weights_only=True)
