"""How the program ends: a missing path, a missing extra, an interruption."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Annotated, get_args, get_origin, get_type_hints

import numpy as np
import pytest
import typer
from typer.models import OptionInfo

from oracles.tiny_training import make_cases, tiny_config, write_config
from segtopo.cli import run
from segtopo.cli.app import COMMANDS, EXTRAS
from segtopo.volumes import write_volume

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "monai", "numpy", "scipy")


def inputs(command: str) -> list[str]:
    """The paths that a command reads, ``--`` before an option; ``out`` is the one that it writes."""
    hints = get_type_hints(getattr(COMMANDS[command], command), include_extras=True)
    annotated = {
        name: get_args(hint) for name, hint in hints.items() if get_origin(hint) is Annotated and name != "out"
    }
    return [
        f"--{name}" if isinstance(parameter, OptionInfo) else name
        for name, (kind, parameter) in annotated.items()
        if kind in (Path, list[Path], Path | None, list[Path] | None)
    ]


INPUTS = [(command, missing) for command in COMMANDS for missing in inputs(command)]


def run_without(modules: tuple[str, ...], *commands: str) -> str:
    """A program that runs commands where modules are not installed."""
    return f"""
import sys
from importlib.abc import MetaPathFinder

class NotInstalled(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in {modules}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, NotInstalled())
from segtopo.cli import run
codes = [run(command.split()) for command in {commands}]
print("loaded:", [name for name in {HEAVY} if name in sys.modules])
sys.exit(max(codes))
"""


def run_program(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, encoding="utf-8", check=False
    )


def test_every_kind_of_input_is_known() -> None:
    assert INPUTS == [
        ("plan", "data"),
        ("train", "config"),
        ("predict", "checkpoints"),
        ("predict", "images"),
        ("predict", "--rules"),
        ("export", "checkpoint"),
        ("repair", "probabilities"),
        ("repair", "--rules"),
        ("calibrate", "probabilities"),
        ("calibrate", "references"),
        ("evaluate", "predictions"),
        ("evaluate", "references"),
        ("evaluate", "--roi"),
        ("evaluate", "--images"),
        ("compare", "reports"),
        ("persistence", "image"),
        ("simulate", "masks"),
        ("nnunet", "--settings"),
    ]


@pytest.mark.parametrize(("command", "missing"), INPUTS)
def test_a_path_that_does_not_exist_is_reported_before_heavy_imports(
    command: str, missing: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    paths = " ".join(
        f"{name if name[0] == '-' else ''} {'nowhere' if name == missing else 'file'}" for name in inputs(command)
    )
    out = "" if command in ("plan", "train") else "--out out.csv"
    done = run_program(run_without((), f"{command} {paths} {out}"), tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: nowhere: got no such file or folder, expected a")
    assert done.stderr.count("\n") == 1
    assert done.stdout == "loaded: []\n"


@pytest.mark.parametrize("module", sorted(EXTRAS))
def test_the_module_of_an_extra_is_one_that_the_extra_installs(module: str) -> None:
    tomllib = pytest.importorskip("tomllib")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (distribution,) = packages_distributions().get(module, [module])  # the tests do not need the trackers
    in_extra = {requirement.split(">")[0] for requirement in project["optional-dependencies"][EXTRAS[module]]}
    assert distribution in in_extra
    assert distribution not in {requirement.split(">")[0] for requirement in project["dependencies"]}


@pytest.mark.parametrize(
    ("command", "module"),
    [
        ("train", "ignite"),
        ("train", "yaml"),
        ("train", "tensorboard"),
        ("predict", "yaml"),
        ("calibrate", "matplotlib"),
        ("nnunet", "nnunetv2"),
    ],
)
def test_a_missing_extra_is_named(command: str, module: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    arguments = {
        "train": "file",
        "predict": "file file --out out",
        "calibrate": "file file --out rules.json",
        "nnunet": "train 1 2d 0",
    }[command]
    done = run_program(run_without((module,), f"{command} {arguments}"), tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        f"error: segtopo {command}: got no module {module!r}, "
        f'expected the extra: pip install "segtopo[{EXTRAS[module]}]"\n'
    )


def test_the_other_commands_need_no_extra(tmp_path: Path) -> None:
    commands = (
        "phantom --out phantoms --shape 40,48 --train 0 --test 1",
        "simulate phantoms/test/labels --out simulated --crop 24 --crops-per-mask 1",
        "persistence phantoms/test/images/vessels_00.png --out pairs.csv",
        "evaluate phantoms/test/labels phantoms/test/labels --out report",
        "repair phantoms/test/labels --out repaired --pictures --label-map --markups",
    )
    hidden = tuple(EXTRAS.keys() - {"pydantic"})  # newer versions of typer need pydantic themselves
    done = run_program(run_without(hidden, *commands), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_missing_module_of_no_extra_is_an_unforeseen_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "segtopo.volumes", None)
    with pytest.raises(ModuleNotFoundError):
        run(["persistence", str(tmp_path), "--out", str(tmp_path / "pairs.csv")])


@pytest.mark.parametrize("error", [KeyboardInterrupt(), typer.Abort(), typer.Exit(130)])
def test_an_interruption_leaves_with_130_and_no_output(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise error

    write_volume(tmp_path / "mask.png", np.eye(6, 9, dtype=bool))
    monkeypatch.setattr("segtopo.persistence.compute_persistence", interrupted)
    assert run(["persistence", str(tmp_path / "mask.png"), "--out", str(tmp_path / "pairs.csv")]) == 130
    assert [path.name for path in tmp_path.iterdir()] == ["mask.png"]


def interrupt(arguments: list[str], folder: Path, started: Callable[[], bool]) -> tuple[int, str]:
    """Sends SIGINT to a command once it has started; its exit code and what it wrote on standard error."""
    with subprocess.Popen(
        [sys.executable, "-m", "segtopo.cli", *arguments], cwd=folder, stderr=subprocess.PIPE, encoding="utf-8"
    ) as process:
        deadline = time.monotonic() + 120
        while not started() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    return process.returncode, errors


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to one process")
def test_sigint_ends_a_computation_without_a_traceback(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).random((150, 140, 160), dtype=np.float32)
    write_volume(tmp_path / "noise.nii", noise)
    arguments = ["persistence", "noise.nii", "--out", "out/pairs.csv"]
    code, errors = interrupt(arguments, tmp_path, (tmp_path / "out").exists)
    assert code == 130
    assert errors.strip() == ""
    assert [path.name for path in tmp_path.iterdir()] == ["noise.nii"]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to one process")
def test_sigint_ends_a_repair_at_once_and_keeps_the_finished_masks(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).random((60, 60, 60), dtype=np.float32)
    for name in range(30):
        write_volume(tmp_path / f"maps/{name}.nii", noise)
    records = tmp_path / "masks" / "records" / "cases"
    code, errors = interrupt(["repair", "maps", "--out", "masks"], tmp_path, lambda: any(records.glob("*.json")))
    assert code == 130
    assert errors.strip() == ""
    finished = {path.stem for path in records.glob("*.json")}
    assert 1 <= len(finished) < 30
    masks = {path.stem for path in (tmp_path / "masks").glob("*.nii")}
    assert finished <= masks
    assert not [path for path in (tmp_path / "masks").iterdir() if path.name.startswith(".")]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM ends a process at once")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_long_call_of_compiled_code_within_a_second(tmp_path: Path, number: signal.Signals) -> None:
    program = """
import hashlib, signal, sys
from segtopo.cli.interruption import prompt_interruption
with prompt_interruption():
    print("begun", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)  # minutes, without the interpreter's lock
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.2)
        before = time.monotonic()
        process.send_signal(number)
        assert process.wait(timeout=60) == 130
        assert time.monotonic() - before < 5  # 0.7 s on a machine that is not busy


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to one process")
def test_sigint_saves_a_training_and_ends_it_with_one_line(tmp_path: Path) -> None:
    config = tiny_config(make_cases(tmp_path / "data", (20, 16)), tmp_path / "out")
    write_config(tmp_path / "config.yaml", config | {"epochs": 10_000})
    code, errors = interrupt(["train", "config.yaml"], tmp_path, (tmp_path / "out" / "last.pt").exists)
    assert code == 130
    assert errors.startswith("error: stopped by SIGINT in epoch")
    assert errors.endswith("continue with --resume\n")
    assert errors.count("\n") == 1
