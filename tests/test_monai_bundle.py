"""The MONAI bundle runs as the README says, with the losses as `_target_`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser

from segtopo import losses

ROOT = Path(__file__).parents[1]
CONFIG = "scripts/examples/monai_bundle/configs/train.yaml"


def test_the_bundle_trains_with_topology(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "monai.bundle", "run", "--config_file", CONFIG, "--out", str(tmp_path)]
    options = ["--epochs", "4", "--loss#start_epoch", "2", "--loss#ramp_epochs", "0", "--loss#lambda_topology", "9"]
    assert f"python {' '.join(command[1:-2])}" in (ROOT / "README.md").read_text()
    run = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    values = [float(value) for value in re.findall(r"loss: (\S+)", run.stdout + run.stderr)]
    assert len(values) == 12  # three batches in each epoch
    assert min(values[6:]) > 2 * max(values[:6])  # nine times the topology, once it is there
    (saved,) = tmp_path.glob("*.pt")
    assert torch.load(saved, weights_only=True)


@pytest.mark.parametrize("name", sorted(name for name in losses.__all__ if name.endswith("Loss")))
def test_every_loss_is_a_target(name: str) -> None:
    if name == "DeepSupervisionLoss":
        inner = {"_target_": "segtopo.losses.CombinedTopologyLoss", "softmax": True, "to_onehot_y": True}
        definition = {"_target_": f"segtopo.losses.{name}", "loss": inner}
    else:
        definition = {"_target_": f"segtopo.losses.{name}", "softmax": True, "to_onehot_y": True}
    loss = ConfigParser({"loss": definition}).get_parsed_content("loss")
    assert type(loss) is getattr(losses, name)
    value = loss(torch.randn(1, 2, 12, 15, requires_grad=True), torch.ones(1, 1, 12, 15))
    assert value.isfinite()
