"""The floors of the house: a room imports only from the floors below its own."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "segtopo"

FLOORS = {
    "errors": -1,
    "atomic_output": 0,
    "_native": 0,
    "persistence": 1,
    "masks": 2,
    "matching": 2,
    "volumes": 2,
    "losses": 3,
    "metrics": 3,
    "phantoms": 3,
    "config": 4,
    "inference": 5,
    "training": 6,
    "evaluation": 6,
    "cli": 8,
}


def imported_rooms(source: str) -> set[str]:
    """The rooms of segtopo that a module imports, at its top or later."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute, so that the floors can be read off them"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("segtopo.")}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_from_below(path: Path) -> None:
    room = room_of(path)
    above = {r for r in imported_rooms(path.read_text()) - {room, "__version__"} if FLOORS[r] >= FLOORS[room]}
    assert not above, f"{room} (floor {FLOORS[room]}) imports {sorted(above)}"


def test_every_room_has_a_floor() -> None:
    rooms = {room_of(path) for path in MODULES} | {"_native"}
    assert rooms <= set(FLOORS)


def test_the_check_sees_a_forbidden_import() -> None:
    assert imported_rooms("def f():\n    from segtopo.metrics import x") == {"metrics"}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.[pch]*p*")), ids=lambda p: p.name)
def test_files_stay_short(path: Path) -> None:
    if path.suffix in {".py", ".cpp", ".hpp"}:
        assert len(path.read_text().splitlines()) <= 400
