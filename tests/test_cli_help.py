"""``segtopo --help``: fast, complete, and true."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from segtopo.cli import run
from segtopo.cli.app import COMMANDS, EXAMPLES

ROOT = Path(__file__).parents[1]
# Typer itself loads rich and pydantic for the help of a command.
HEAVY = ("torch", "monai", "numpy", "scipy", "nibabel", "SimpleITK", "skimage", "matplotlib")


def test_help_shows_every_command_with_an_example_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert set(COMMANDS) == {
        "plan",
        "train",
        "predict",
        "export",
        "repair",
        "calibrate",
        "evaluate",
        "compare",
        "persistence",
        "phantom",
        "simulate",
        "nnunet",
    }
    assert run(["--help"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    for command, example in EXAMPLES.items():
        assert example.startswith(f"segtopo {command} ")
        assert example in lines
        assert any(line.startswith(command) and not line.endswith("...") for line in lines)


@pytest.mark.parametrize("command", EXAMPLES)
def test_each_command_shows_its_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "--help"]) == 0
    assert EXAMPLES[command] in capsys.readouterr().out


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    assert "Commands:" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--help"], *([command, "--help"] for command in EXAMPLES), ["evaluate"]])
def test_nothing_heavy_loads_before_it_is_needed(arguments: list[str]) -> None:
    program = f"""
import sys
from segtopo.cli import run
run({arguments})
print("loaded:", [name for name in {HEAVY} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.splitlines()[-1] == "loaded: []"


@pytest.mark.skipif(not (ROOT / "data_samples").is_dir(), reason="no data_samples")
def test_examples_run_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("data_samples", "configs"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    monkeypatch.chdir(tmp_path)
    for example in EXAMPLES.values():
        assert run(example.split()[1:]) == 0
