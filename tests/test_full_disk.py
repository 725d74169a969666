"""A disk without space: one line that names the file, and all that was whole before stays whole."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from oracles.tiny_training import make_cases, tiny_config, write_config
from segtopo.atomic_output import atomic_output
from segtopo.cli import run
from segtopo.errors import OutputError
from segtopo.inference.checkpoint import Checkpoint
from segtopo.repair import repair_files
from segtopo.training import train
from segtopo.volumes import write_volume

resource = pytest.importorskip("resource", reason="a limit of the size of files")

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def garbage_collected() -> Iterator[None]:
    """Closes the files that nibabel leaves open when it cannot write them, while their warnings are ignored."""
    yield
    gc.collect()


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Within the block, a write beyond the first bytes of a file fails, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("extension", [".nii", ".nii.gz", ".mha", ".mhd", ".nrrd", ".mgz", ".tiff", ".png"])
def test_each_format_names_the_file_and_leaves_nothing(extension: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (90, 80), np.uint8)
    path = tmp_path / "new" / f"image{extension}"
    message = rf"image{extension}: got a path that cannot be written \(File too large, .* MB free\), expected enough"
    with files_of_at_most(2000), pytest.raises(OutputError, match=message):
        write_volume(path, noise if extension in (".tiff", ".png") else np.stack([noise] * 3))
    assert not list(tmp_path.iterdir())


def test_a_file_within_a_folder_is_named_as_it_would_be(tmp_path: Path) -> None:
    def fill(part: Path) -> None:
        part.mkdir()
        write_volume(part / "images/a.nii", np.zeros((90, 80), np.uint8))

    def make() -> None:
        with atomic_output(tmp_path / "out") as part:
            fill(part)

    with files_of_at_most(2000), pytest.raises(OutputError, match=rf"^{tmp_path}/out/images/a\.nii: got"):
        make()
    assert not list(tmp_path.iterdir())


def test_other_errors_of_the_system_remain(tmp_path: Path) -> None:
    def fail() -> None:
        with atomic_output(tmp_path / "out"):
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        fail()


def test_a_training_keeps_its_last_checkpoint(tmp_path: Path) -> None:
    config = tiny_config(make_cases(tmp_path / "data", (24, 21)), tmp_path / "out")
    path = write_config(tmp_path / "config.yaml", config | {"schedule": {"name": "Constant"}})
    train(path, ["epochs=1"], console=Console(file=StringIO()))
    size = (tmp_path / "out/last.pt").stat().st_size
    with (
        files_of_at_most(size - 1000),
        pytest.raises(OutputError, match=r"out/(best|last)\.pt: got a path that cannot"),
    ):
        train(path, ["epochs=2"], resume=True, console=Console(file=StringIO()))
    assert len(Checkpoint.load(tmp_path / "out/last.pt").history) == 1
    assert not list((tmp_path / "out").rglob(".*"))
    resumed = train(path, ["epochs=2"], resume=True, console=Console(file=StringIO()))
    whole = train(path, ["epochs=2", f"out={tmp_path / 'whole'}"], console=Console(file=StringIO()))
    assert [row["loss"] for row in resumed.history] == [row["loss"] for row in whole.history]


def test_a_repair_keeps_its_finished_masks_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    noise = np.random.default_rng(0)
    for name, shape in (("a", (20, 20)), ("b", (200, 210)), ("c", (20, 20))):
        write_volume(tmp_path / f"maps/{name}.nii", noise.random(shape, dtype=np.float32))
    command = ["repair", str(tmp_path / "maps"), "--out", str(tmp_path / "out"), "--workers", "1"]
    with files_of_at_most(30_000):
        assert run(command) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {tmp_path}/out/b.nii: got a path that cannot be written (File too large, ")
    assert error.count("\n") == 1
    assert (tmp_path / "out/a.nii").is_file()
    assert not list((tmp_path / "out").glob(".*"))
    assert run(command) == 0
    repair_files(tmp_path / "maps", tmp_path / "whole")
    for name in ("a.nii", "b.nii", "c.nii", "edits.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
