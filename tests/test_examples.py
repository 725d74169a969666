"""The examples reach their goals, in fewer steps than by default."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

EXAMPLES = Path(__file__).parents[1] / "scripts" / "examples"


def example(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return import_module(name)


def test_the_latent_space_has_the_prescribed_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    module = example("topological_autoencoder", monkeypatch)
    circle = replace(module.PROBLEMS[0], steps=500)
    alone, prescribed = (
        module.judge(circle, "", module.train(circle, topology)).lengths for topology in (0.0, module.TOPOLOGY)
    )
    assert prescribed[0] > 1
    assert prescribed[1] < 0.3
    assert alone[0] < 0.8


def test_the_weights_split_into_two_components(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = example("weight_connectivity", monkeypatch)
    outcomes = [module.prune("", module.train(1500, connectivity)) for connectivity in (0.0, module.CONNECTIVITY)]
    assert [outcome.components for outcome in outcomes] == [1, 2]
    assert min(outcome.accuracy for outcome in outcomes) > 0.97
    inputs, outputs = (outcomes[1].component[module.neurons()[layer]].tolist() for layer in (0, -1))
    assert inputs == [outputs[0], outputs[0], outputs[1], outputs[1]]
    module.draw(outcomes, tmp_path / "weights.png")
    assert (tmp_path / "weights.png").stat().st_size > 10_000


def test_the_help_of_every_example_says_how_to_run_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = sorted(path.stem for path in EXAMPLES.glob("*.py"))
    assert len(names) == 3
    for name in names:
        monkeypatch.setattr(sys, "argv", [name, "--help"])
        with pytest.raises(SystemExit) as ended:
            example(name, monkeypatch).main()
        assert ended.value.code == 0
        assert f"python scripts/examples/{name}.py" in capsys.readouterr().out
