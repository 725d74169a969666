"""The MONAI bundle trains, evaluates and predicts as its pages say, and its metadata is verified by MONAI."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.bundle import run, verify_metadata, verify_net_in_out
from PIL import Image

from segtopo.cli import run as run_command
from segtopo.masks import betti_numbers
from segtopo.metrics import compute_betti_matching_error

ROOT = Path(__file__).parents[1]
BUNDLE = "scripts/examples/monai_bundle"
CONFIGS = f"{BUNDLE}/configs"
SCHEMA = ROOT / "tests/oracles/bundle_schema.json"

#: MONAI says that a config can run any code, that an optional library is missing, and that the schema has no hash.
pytestmark = [
    pytest.mark.filterwarnings("ignore:parsing config_file:UserWarning"),
    pytest.mark.filterwarnings("ignore:NvImgCodecPydicomReader:UserWarning"),
    pytest.mark.filterwarnings("ignore:No hash value provided for .*bundle_schema.json:UserWarning"),
]


def command(configs: str, **options: object) -> str:
    """Runs a command of the bundle with other values, and returns its output."""
    values = [word for name, value in options.items() for word in (f"--{name.replace('__', '#')}", str(value))]
    words = [sys.executable, "-m", "monai.bundle", "run", "--config_file", configs, *values]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle") / "data"
    assert run_command(["phantom", "--out", str(folder), "--shape", "48,64", "--train", "6", "--test", "2"]) == 0
    return folder


@pytest.fixture(scope="module")
def trained(data: Path) -> tuple[Path, str]:
    """The folder of a training with nine times the topology from the third epoch on, and its output."""
    out = data.parent / "out"
    options: dict[str, Any] = {
        "loss__schedule__start_epoch": 2,
        "loss__schedule__ramp_epochs": 0,
        "loss__lambda_topology": 9,
    }
    train = f"{CONFIGS}/train.yaml"
    assert f"python -m monai.bundle run --config_file {train}" in (ROOT / "README.md").read_text(encoding="utf-8")
    return out, command(train, data=data, out=out, epochs=4, patch_size="[32,48]", **options)


def predict(out: Path, data: Path, **options: object) -> torch.Tensor:
    """Runs the inference in this process, and returns the masks."""
    configs = [f"{ROOT}/{CONFIGS}/{part}.yaml" for part in ("train", "inference")]
    run(config_file=configs, logging_file=False, data=str(data), out=str(out), patch_size=[32, 48], **options)
    return masks(out / "masks")


def test_the_bundle_trains_with_topology(trained: tuple[Path, str]) -> None:
    out, printed = trained
    losses = [float(value) for value in re.findall(r"loss: (\S+)", printed)]
    assert len(losses) == 4  # one batch in each epoch
    assert min(losses[2:]) > 2 * max(losses[:2])  # nine times the topology, once it is there
    errors = [float(value) for value in re.findall(r"Metrics -- betti_matching_error: (\S+)", printed)]
    assert len(errors) == 4
    assert [path.name for path in out.iterdir()] == ["model.pt"]
    assert torch.load(out / "model.pt", weights_only=True)


def scores(path: Path) -> Mapping[str, str]:
    with path.open(newline="", encoding="utf-8") as file:
        return {row[0]: row[1] for row in csv.reader(file)}


def masks(folder: Path) -> torch.Tensor:
    """The masks (B, 1, H, W) of a folder."""
    arrays = [np.asarray(Image.open(path)) for path in sorted(folder.iterdir())]
    assert {tuple(np.unique(array)) for array in arrays} <= {(0,), (0, 255)}
    return torch.from_numpy(np.stack(arrays) > 0)[:, None]


def test_what_it_writes_is_what_it_scores(trained: tuple[Path, str], data: Path) -> None:
    out, _ = trained
    printed = command(f"['{CONFIGS}/train.yaml','{CONFIGS}/evaluate.yaml']", data=data, out=out, patch_size="[32,48]")
    assert "Restored all variables" in printed
    predicted, references = predict(out, data), masks(data / "test/labels")
    assert predicted.shape == references.shape == (2, 1, 48, 64)
    errors = compute_betti_matching_error(predicted, references)
    written = scores(out / "scores/betti_matching_error_repaired_raw.csv")
    names = [str(path) for path in sorted((data / "test/images").iterdir())]
    assert [float(written[name]) for name in names] == errors.flatten().tolist()
    means = scores(out / "scores/metrics.csv")
    assert float(means["betti_matching_error_repaired"]) == errors.mean().item()
    assert float(means["betti_matching_error"]) > errors.mean().item()
    assert set(means) == {"betti_matching_error", "betti_matching_error_repaired", "diu", "dice", "dice_repaired"}


def test_the_rules_reach_the_repair(trained: tuple[Path, str], data: Path, tmp_path: Path) -> None:
    shutil.copy(trained[0] / "model.pt", tmp_path)
    (tmp_path / "rules.json").write_text(json.dumps({"connect_above": None, "betti_numbers": [1, 0]}), encoding="utf-8")
    for mask in predict(tmp_path, data, rules=str(tmp_path / "rules.json"))[:, 0]:
        assert betti_numbers(mask) in {(1, 0), (0, 0)}


def test_the_metadata_is_verified(tmp_path: Path) -> None:
    metadata = f"{ROOT}/{CONFIGS}/metadata.json"
    # MONAI downloads its schema, but for a file that is there. The tests have no network and bring one of their own.
    verify_metadata(meta_file=metadata, filepath=str(SCHEMA))
    content = json.loads(Path(metadata).read_text(encoding="utf-8"))
    del content["network_data_format"]["outputs"]["pred"]["channel_def"]
    wrong = tmp_path / "metadata.json"
    wrong.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError, match="Failed validating"):
        verify_metadata(meta_file=str(wrong), filepath=str(SCHEMA))
    verify_net_in_out(
        net_id="network_def", meta_file=metadata, config_file=f"{ROOT}/{CONFIGS}/train.yaml", device="cpu", n=9
    )
