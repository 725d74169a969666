"""Output appears complete or not at all."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from segtopo.atomic_output import atomic_output, atomic_outputs
from segtopo.errors import InputError


def write_file(part: Path) -> None:
    part.write_text("new", encoding="utf-8")


def write_file_with_companion(part: Path) -> None:
    part.write_text("new", encoding="utf-8")
    part.with_name("companion.raw").write_text("new companion", encoding="utf-8")


def write_folder(part: Path) -> None:
    (part / "images").mkdir(parents=True)
    (part / "images" / "one.txt").write_text("new", encoding="utf-8")


WRITERS = {
    "a file": (write_file, {"out": "new"}),
    "a file with a companion": (write_file_with_companion, {"out": "new", "companion.raw": "new companion"}),
    "a folder": (write_folder, {"out/images/one.txt": "new"}),
}


def files_in(folder: Path) -> dict[str, str]:
    return {
        file.relative_to(folder).as_posix(): file.read_text(encoding="utf-8")
        for file in folder.rglob("*")
        if file.is_file()
    }


def everything_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize("parent", ["", "new/parents"])
@pytest.mark.parametrize("kind", WRITERS)
def test_output_appears_when_the_block_ends(tmp_path: Path, kind: str, parent: str) -> None:
    write, expected = WRITERS[kind]
    folder = tmp_path / parent
    with atomic_output(folder / "out") as part:
        assert part.name == "out"
        write(part)
        visible = [name for name in everything_in(folder) if not name.startswith(".")]
        assert visible == []
    assert files_in(folder) == expected
    assert not list(folder.glob(".*"))


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
@pytest.mark.parametrize("parent", ["", "new/parents"])
@pytest.mark.parametrize("kind", WRITERS)
def test_nothing_is_left_after_an_error(tmp_path: Path, kind: str, parent: str, error: type[BaseException]) -> None:
    def interrupted() -> None:
        with atomic_output(tmp_path / parent / "out") as part:
            WRITERS[kind][0](part)
            raise error

    with pytest.raises(error):
        interrupted()
    assert everything_in(tmp_path) == []


def test_an_error_keeps_the_existing_file_and_its_companion(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("old", encoding="utf-8")
    (tmp_path / "companion.raw").write_text("old companion", encoding="utf-8")

    def interrupted() -> None:
        with atomic_output(tmp_path / "out") as part:
            write_file_with_companion(part)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert files_in(tmp_path) == {"out": "old", "companion.raw": "old companion"}


def test_an_existing_file_and_its_companion_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("old", encoding="utf-8")
    (tmp_path / "companion.raw").write_text("old companion", encoding="utf-8")
    with atomic_output(tmp_path / "out") as part:
        write_file_with_companion(part)
    assert files_in(tmp_path) == {"out": "new", "companion.raw": "new companion"}


def test_the_companion_is_moved_before_the_file_that_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[str] = []
    replace = Path.replace

    def record(source: Path, target: Path) -> Path:
        moved.append(target.name)
        return replace(source, target)

    monkeypatch.setattr(Path, "replace", record)
    with atomic_output(tmp_path / "a.mhd") as part:
        part.write_text("header", encoding="utf-8")
        part.with_name("a.raw").write_text("voxels", encoding="utf-8")
    assert moved == ["a.raw", "a.mhd"]


def test_an_empty_folder_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with atomic_output(tmp_path / "out") as part:
        write_folder(part)
    assert everything_in(tmp_path) == ["out", "out/images", "out/images/one.txt"]


def refusal(path: Path) -> str:
    """Returns the error message of an output that is refused before the block is executed."""
    with pytest.raises(InputError) as error, atomic_output(path):
        pytest.fail("the block must not be executed")
    return str(error.value)


def test_a_folder_that_is_not_empty_is_refused_before_the_block(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old.txt").write_text("old", encoding="utf-8")
    message = f"{tmp_path / 'out'}: got a folder that is not empty, expected a new or empty folder"
    assert refusal(tmp_path / "out") == message
    assert everything_in(tmp_path) == ["out", "out/old.txt"]


@pytest.mark.parametrize("name", ["file/out", "file/deeper/out"])
def test_a_file_in_place_of_a_parent_is_refused_before_the_block(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("old", encoding="utf-8")
    problem = "got a path that cannot be written (Not a directory), expected a path in a writable folder"
    assert refusal(tmp_path / name) == f"{tmp_path / name}: {problem}"
    assert files_in(tmp_path) == {"file": "old"}


@pytest.fixture
def read_only_folder() -> Iterator[Path]:
    """A folder in which the user may not write. Permissions do not bind root, which becomes another user meanwhile."""
    is_root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as parent:  # other users cannot enter tmp_path
        folder = Path(parent) / "read-only"
        folder.mkdir()
        folder.chmod(0o555)
        Path(parent).chmod(0o755)
        if is_root:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if is_root:
                os.seteuid(0)
            folder.chmod(0o755)


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
@pytest.mark.parametrize("name", ["out", "new/parents/out"])
def test_a_read_only_folder_is_refused_before_the_block(read_only_folder: Path, name: str) -> None:
    problem = "got a path that cannot be written (Permission denied), expected a path in a writable folder"
    assert refusal(read_only_folder / name) == f"{read_only_folder / name}: {problem}"
    assert everything_in(read_only_folder) == []


@pytest.mark.parametrize(("existing", "kind"), [("a file", "a folder"), ("a folder", "a file")])
def test_files_do_not_replace_folders_nor_folders_files(tmp_path: Path, existing: str, kind: str) -> None:
    if existing == "a folder":
        (tmp_path / "out").mkdir()
    else:
        (tmp_path / "out").write_text("old", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be written"), atomic_output(tmp_path / "out") as part:
        WRITERS[kind][0](part)
    assert everything_in(tmp_path) == ["out"]


def test_several_outputs_appear_together_and_other_files_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "out"
    with atomic_outputs(folder, ["a", "b"]) as part:
        for name in ("a", "b"):
            (part / name).write_text("first", encoding="utf-8")
        assert [path for path in folder.iterdir() if path != part] == []
    (folder / "mine").write_text("kept", encoding="utf-8")
    with atomic_outputs(folder, ["a", "b"]) as part:
        for name in ("a", "b"):
            (part / name).write_text("second", encoding="utf-8")
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == {
        "a": "second",
        "b": "second",
        "mine": "kept",
    }


def interrupt(path: Path) -> None:
    path.write_text("new", encoding="utf-8")
    raise KeyboardInterrupt


def write_all(folder: Path, names: list[str]) -> None:
    with atomic_outputs(folder, names) as part:
        for name in names:
            (part / name).write_text("new", encoding="utf-8")


def test_an_error_keeps_all_older_outputs(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old", encoding="utf-8")
    with pytest.raises(KeyboardInterrupt), atomic_outputs(tmp_path, ["a"]) as part:
        interrupt(part / "a")
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == {"a": "old"}
    with pytest.raises(KeyboardInterrupt), atomic_outputs(tmp_path / "new", ["a"]) as part:
        interrupt(part / "a")
    assert not (tmp_path / "new").exists()


def test_new_outputs_are_never_beside_older_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interruption between two moves leaves out files; it does not mix two sets."""
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text("old", encoding="utf-8")
    replace = Path.replace

    def interrupted(self: Path, target: Path) -> Path:
        if self.name == "b":
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_all(tmp_path, ["a", "b", "c"])
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == {"a": "new"}


@pytest.mark.parametrize("name", ["file", "file/deeper"])
def test_outputs_in_place_of_a_file_are_refused_before_the_block(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    begun = []
    with pytest.raises(InputError, match="cannot be written"), atomic_outputs(tmp_path / name, ["a"]):
        begun.append(True)
    assert not begun
