"""``import segtopo`` is one door to every package, and costs nothing until a package is used."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import segtopo

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "monai", "numpy", "scipy", "pydantic", "skimage", "cc3d", "nibabel", "SimpleITK", "rich")

CONTRACT = {
    "persistence": [
        "compute_persistence",
        "persistence_diagrams",
        "batch_persistence_diagrams",
        "filtered_complex_persistence",
        "lower_star_persistence",
        "rips_persistence",
    ],
    "matching": ["bottleneck_distance", "wasserstein_distance", "betti_matching"],
    "masks": ["compare_masks", "betti_numbers"],
    "losses": [
        "TotalPersistenceLoss",
        "BettiPriorLoss",
        "DiagramDistanceLoss",
        "LoopLossH1",
        "TopoLoss",
        "BettiMatchingLoss",
        "SkeletonRecallLoss",
        "SoftclDiceLoss",
        "CombinedTopologyLoss",
        "DeepSupervisionLoss",
    ],
    "metrics": [
        "compute_betti_numbers",
        "compute_betti_error",
        "compute_betti_matching_error",
        "compute_diu",
        "compute_cldice",
        "BettiErrorMetric",
        "BettiMatchingErrorMetric",
        "DIUMetric",
        "ClDiceMetric",
    ],
}


def run_fresh(program: str) -> str:
    """What a program prints in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True
    ).stdout.strip()


@pytest.mark.parametrize(("package", "name"), [(package, name) for package in CONTRACT for name in CONTRACT[package]])
def test_a_name_of_the_contract_is_public(package: str, name: str) -> None:
    module = import_module(f"segtopo.{package}")
    assert getattr(getattr(segtopo, package), name) is getattr(module, name)
    assert name in module.__all__


def test_a_package_loads_when_it_is_first_used() -> None:
    assert run_fresh("import segtopo; print(segtopo.losses.BettiMatchingLoss.__name__)") == "BettiMatchingLoss"


@pytest.mark.parametrize("program", ["import segtopo", "from segtopo.cli import run; run(['--help'])"])
def test_nothing_heavy_loads_before_it_is_used(program: str) -> None:
    loaded = run_fresh(f"{program}\nimport sys\nprint([name for name in {HEAVY} if name in sys.modules])")
    assert loaded.splitlines()[-1] == "[]"


def test_a_loss_loads_no_compiler() -> None:
    program = "import sys; from segtopo.losses import BettiMatchingLoss; print('torch._dynamo' in sys.modules)"
    assert run_fresh(program) == "False"


def test_every_package_but_the_command_line_is_behind_the_door() -> None:
    packages = {path.parent.name for path in Path(segtopo.__file__).parent.glob("*/__init__.py")}
    assert set(segtopo.__all__) - {"__version__"} == packages - {"cli"}
    assert packages - {"cli"} <= set(dir(segtopo))


def test_a_name_behind_no_door_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = segtopo.nothing


def test_the_version_is_that_of_the_project() -> None:
    (version,) = re.findall(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert segtopo.__version__ == version
