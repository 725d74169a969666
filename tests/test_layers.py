"""The floors of the house, and a tidy repository.

A room imports only from the floors below its own, and no private name of another room. The top level and the files
are short, and every path that a text names exists.
"""

import ast
import re
import shutil
import statistics
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "segtopo"

FLOORS = {
    "errors": -1,
    "part_folders": -1,
    "atomic_output": 0,
    "case_records": 1,
    "_native": 0,
    "parallel": 0,
    "persistence": 1,
    "masks": 2,
    "matching": 2,
    "volumes": 2,
    "losses": 3,
    "metrics": 3,
    "phantoms": 3,
    "repair": 4,
    "config": 5,
    "inference": 6,
    "training": 7,
    "evaluation": 7,
    "integrations": 7,
    "planning": 8,
    "cli": 9,
    "__main__": 10,
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
    above = {
        r for r in imported_rooms(path.read_text(encoding="utf-8")) - {room, "__version__"} if FLOORS[r] >= FLOORS[room]
    }
    assert not above, f"{room} (floor {FLOORS[room]}) imports {sorted(above)}"


def test_every_room_has_a_floor() -> None:
    rooms = {room_of(path) for path in MODULES} | {"_native"}
    assert rooms <= set(FLOORS)


def imported_objects(tree: ast.AST) -> dict[str, str]:
    """The local names of what a module imports from segtopo, each with its full name."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.asname or alias.name.split(".")[0]: alias.name for alias in node.names if alias.asname}
            names |= {root: root for alias in node.names if (root := alias.name.split(".")[0]) and not alias.asname}
    return {local: full for local, full in names.items() if full.split(".")[0] == "segtopo"}


def full_name(node: ast.expr, names: dict[str, str]) -> str:
    """The full name of an attribute of something imported, such as ``segtopo.masks.components.label``."""
    if isinstance(node, ast.Attribute) and (owner := full_name(node.value, names)):
        return f"{owner}.{node.attr}"
    return names.get(node.id, "") if isinstance(node, ast.Name) else ""


def foreign_private_names(source: str, room: str) -> set[str]:
    """The ``_private`` names of other rooms that a module of ``room`` imports or uses as attributes."""
    tree = ast.parse(source)
    names = imported_objects(tree)
    used = set(names.values()) | {full_name(node, names) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    foreign = {name for name in used if name.split(".")[1:2] != [room]}
    # The kernel's module is named _native, and is nobody's private.
    return {name for name in foreign if re.search(r"\._(?!_)", name.removeprefix("segtopo._native"))}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_uses_no_private_name_of_another(path: Path) -> None:
    assert not foreign_private_names(path.read_text(encoding="utf-8"), room_of(path))


def test_the_check_sees_a_forbidden_import() -> None:
    assert imported_rooms("def f():\n    from segtopo.metrics import x") == {"metrics"}


@pytest.mark.parametrize(
    "source",
    [
        "from segtopo.masks.components import _label",
        "from segtopo.masks._hidden import label",
        "from segtopo.masks import components\ncomponents._label(0)",
        "import segtopo.masks.components as c\ndef f():\n    return c._label",
        "import segtopo\nsegtopo.masks.components._label.first",
        "from segtopo._native import _hidden",
    ],
)
def test_the_check_sees_a_private_name(source: str) -> None:
    assert foreign_private_names(source, "metrics")


@pytest.mark.parametrize(
    "source",
    [
        "from segtopo.metrics.betti import _count",
        "from segtopo import _native\n_native.betti_matching()",
        "from segtopo.masks import components\ncomponents.__name__",
        "import numpy as np\nnp._private",
    ],
)
def test_the_check_allows_what_is_a_rooms_own(source: str) -> None:
    assert not foreign_private_names(source, "metrics")


TOP_LEVEL = {"pyproject.toml", "README.md", "LICENSE", "segtopo", "configs", "scripts", "tests", "data_samples"}
FOLDERS = ("segtopo", "configs", "scripts", "tests", "data_samples", ".github", ".docs", ".ci", ".assets")

SOURCES = {"Python": ("*.py",), "C++": ("*.cpp", "*.hpp")}
SOURCE_FOLDERS = ("segtopo", "tests", "scripts", ".docs")

#: A path from the root of the repository, in prose or in a block of code. Outputs, such as runs/example, are no match.
PATH = re.compile(rf"(?<![\w./$-])(?:{'|'.join(map(re.escape, FOLDERS))})/[\w./*-]*[\w*/]")
#: The bare name of a source file, such as `union_find.hpp`.
SOURCE_NAME = re.compile(r"`([\w.-]+\.(?:cpp|hpp|py|sh))`")
#: The target of a link to a file, without an anchor.
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]+)")


def texts() -> list[Path]:
    pages = [page for folder in (".github", ".docs", "segtopo") for page in (ROOT / folder).rglob("*.md")]
    return [ROOT / "README.md", ROOT / "data_samples" / "README.md", *sorted(pages)]


def missing_paths(text: str, folder: Path) -> set[str]:
    """The paths, source files and relative links in a text of ``folder`` that do not exist."""
    paths = {path for path in PATH.findall(text) if not any(ROOT.glob(path.rstrip("/")))}
    names = {name for name in SOURCE_NAME.findall(text) if not any(found(name))}
    links = {link for link in LINK.findall(text) if not (folder / link).exists()}
    return paths | names | links


def found(name: str) -> list[Path]:
    return [path for folder in SOURCE_FOLDERS for path in (ROOT / folder).rglob(name)]


def sources(language: str) -> list[Path]:
    return sorted(path for pattern in SOURCES[language] for path in found(pattern))


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("path", texts(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_that_a_text_names_exists(path: Path) -> None:
    assert not missing_paths(path.read_text(encoding="utf-8"), path.parent)


@pytest.mark.parametrize(
    "text",
    [
        "see `segtopo/nowhere.py`.",
        "    python scripts/nowhere.py --fast",
        "`nowhere.hpp`",
        "[a page](nowhere.md#top)",
        "`configs/nowhere*.yaml`",
    ],
)
def test_the_check_sees_a_missing_path(text: str) -> None:
    (missing,) = missing_paths(text, ROOT)
    assert "nowhere" in missing


@pytest.mark.parametrize(
    "text",
    [
        "`runs/nowhere/last.pt`",
        "https://example.org/segtopo/nowhere",
        "[a page](https://example.org/nowhere.md)",
        "`segtopo/losses/`, `configs/*.yaml` and [the tests](tests).",
        "`errors.py`",
    ],
)
def test_the_check_allows_outputs_addresses_and_what_exists(text: str) -> None:
    assert not missing_paths(text, ROOT)


@pytest.mark.parametrize("language", SOURCES)
def test_files_are_short(language: str) -> None:
    lengths = {path: lines(path) for path in sources(language)}
    assert statistics.median(lengths.values()) <= 150
    assert not {str(path.relative_to(ROOT)): length for path, length in lengths.items() if length > 400}


@pytest.mark.skipif(not (ROOT / ".git").exists() or not shutil.which("git"), reason="no git repository")
def test_the_top_level_holds_what_it_must_and_nothing_else() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, encoding="utf-8", check=True).stdout
    entries = {line.split("/")[0].strip('"') for line in listed.splitlines()}
    assert {entry for entry in entries if entry[0] != "."} == TOP_LEVEL
