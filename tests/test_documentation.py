"""The documentation is true: its Python code runs and prints the output shown, and its commands exist.

Each page is run from top to bottom in an empty folder that has the configs and the sample data. A block that follows a
comment ``<!-- not run: the reason -->`` is not run; its commands are parsed all the same.
"""

from __future__ import annotations

import re
import shlex
import sys
from contextlib import nullcontext, redirect_stdout, suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

import segtopo
from segtopo.cli import run
from segtopo.cli.app import app
from segtopo.errors import InputError

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path
    for path in [ROOT / "README.md", ROOT / ".github/CONTRIBUTING.md", *(ROOT / ".docs/pages").rglob("*.md")]
    if path.exists()
)
BLOCK = re.compile(
    r"(?:<!-- not run: (?P<reason>.+?) -->\s*)?^```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^```$",
    flags=re.DOTALL | re.MULTILINE,
)
SHELL = ("", "bash", "console", "sh")
SCRIPT = re.compile(r"\b(?:scripts|\.docs)/[\w./-]+\.\w+")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    code: str
    line: int
    skipped: bool

    @property
    def commands(self) -> list[list[str]]:
        """The words of each command of a shell block, without its comments."""
        if self.language not in SHELL:
            return []
        lines = self.code.replace("\\\n", " ").splitlines()
        return [words for line in lines if (words := shlex.split(line.removeprefix("$ "), comments=True))]


def blocks_of(text: str) -> list[Block]:
    return [
        Block(found["language"], found["code"], text[: found.start("code")].count("\n"), found["reason"] is not None)
        for found in BLOCK.finditer(text)
    ]


def check_command(words: list[str]) -> None:
    """Fails unless the command exists and takes these arguments. Files of the reader may be missing."""
    group = typer.main.get_command(app)
    name, *arguments = words
    assert name in group.commands, f"there is no command segtopo {name}"  # type: ignore[attr-defined]
    if "--help" not in arguments:
        with suppress(InputError):
            group.commands[name].make_context(name, arguments)  # type: ignore[attr-defined]


def run_python(block: Block, page: Path, names: dict[str, Any]) -> str:
    """Runs a block with the names of the blocks before it and returns what it prints."""
    code = compile("\n" * block.line + block.code, str(page), "exec")
    with redirect_stdout(StringIO()) as printed:
        exec(code, names)
    return printed.getvalue()


def redirection(words: list[str]) -> tuple[list[str], Path | None]:
    """Separates the words of a command from the file to which its output goes."""
    if ">" not in words:
        return words, None
    end = words.index(">")
    return words[:end], Path(words[end + 1])


def run_command(words: list[str], target: Path | None) -> int:
    """Runs a command, with its output in a file if there is one."""
    with target.open("w") if target else nullcontext(sys.stdout) as output, redirect_stdout(output):
        return run(words)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_code_of_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("configs", "data_samples"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    printed = ""
    for block in blocks_of(page.read_text(encoding="utf-8")):
        if block.language == "python" and not block.skipped:
            printed = run_python(block, page, names)
        elif block.language == "output":
            assert printed.rstrip() == block.code.rstrip(), f"{page}:{block.line}"
        for program, *arguments in block.commands:
            if program == "segtopo" and arguments[:1] != ["--help"]:
                words, target = redirection(arguments)
                check_command(words)
                assert block.skipped or run_command(words, target) == 0, f"{page}:{block.line}"


def test_every_page_is_in_the_navigation() -> None:
    pages = {path.relative_to(ROOT / ".docs/pages").as_posix() for path in (ROOT / ".docs/pages").rglob("*.md")}
    navigation = (ROOT / ".docs/mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    assert set(re.findall(r"[\w/-]+\.md", navigation)) == pages


def test_every_public_package_has_a_reference_page() -> None:
    stub = (ROOT / "segtopo/__init__.pyi").read_text(encoding="utf-8")
    for package in re.findall(r"(\w+) as \1", stub):
        assert f"::: segtopo.{package}\n" in (ROOT / f".docs/pages/reference/{package}.md").read_text(encoding="utf-8")


def test_versions_agree() -> None:
    metadata = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    project = dict(re.findall(r'^(version|license) = "(.+)"$', metadata, flags=re.MULTILINE))
    citation = yaml.safe_load((ROOT / ".github/CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == project["version"] == segtopo.__version__
    assert citation["license"] == project["license"]
    assert f"## {segtopo.__version__}" in (ROOT / ".docs/pages/changelog.md").read_text(encoding="utf-8")


def test_workflows_name_existing_scripts() -> None:
    workflows = sorted((ROOT / ".github/workflows").glob("*.yml"))
    assert len(workflows) == 3
    for workflow in workflows:
        jobs = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"]
        steps = [step for job in jobs.values() for step in job["steps"]]
        assert all(re.search(r"@(release/)?v\d+$", step["uses"]) for step in steps if "uses" in step)
        scripts = [script for step in steps for script in SCRIPT.findall(step.get("run", ""))]
        assert all((ROOT / script).exists() for script in scripts)


def test_a_wrong_command_is_found() -> None:
    with pytest.raises(AssertionError):
        check_command(["no-such-command"])
    with pytest.raises(typer.BadParameter.__base__):  # type: ignore[arg-type]  # the base of all usage errors
        check_command(["evaluate", "a", "b", "--out", "c", "--no-such-option"])


def test_a_block_is_left_out_only_for_a_reason() -> None:
    page = "<!-- not run: needs your data -->\n```python\nx\n```\ntext\n```bash\nsegtopo a \\\n  b # c\n```\n"
    first, second = blocks_of(page)
    assert (first.skipped, second.skipped) == (True, False)
    assert second.commands == [["segtopo", "a", "b"]]
