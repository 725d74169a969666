"""The example of Lightning on its page stores the model with the fewest errors, and reads it back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from oracles.pages import python_of_section
from segtopo.metrics import compute_betti_matching_error


@pytest.mark.filterwarnings("default")  # of Lightning about torch
def test_the_example_stores_the_best_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("lightning", reason="Lightning is not installed")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    history: list[float] = []
    code = python_of_section("how-to/lightning.md", "Train with Lightning")
    log = 'self.log("betti_matching_error", self.error.aggregate().item())'
    assert log in code
    names["history"] = history
    exec(code.replace(log, f"{log}\n        history.append(self.error.aggregate().item())"), names)
    best, model = names["best"], names["model"]
    epochs = history[1:]  # the first is that of the check before the training
    assert len(epochs) == 8
    assert best.best_model_score.item() == min(epochs) < epochs[0]
    with torch.no_grad():
        predicted = model.eval().network(names["images"][4:]) > 0
    assert compute_betti_matching_error(predicted, names["labels"][4:]).mean().item() == min(epochs)
    assert set(names["trainer"].callback_metrics) >= {"train_loss", "train_topology", "betti_matching_error"}
