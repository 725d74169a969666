"""Bad input: exit code 2, one line on standard error, nothing half-written."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from segtopo.cli import run
from segtopo.volumes import Volume, write_volume

MASK = np.eye(6, 9, dtype=bool)
LABEL_MAP = np.arange(54, dtype=np.uint8).reshape(6, 9)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with every bad file there is."""
    for folder in ("pred", "ref"):
        write_volume(tmp_path / folder / "one.nii.gz", MASK)
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    write_volume(tmp_path / "mask.nii.gz", MASK)
    write_volume(tmp_path / "nothing.nii.gz", np.zeros((6, 9), dtype=bool))
    write_volume(tmp_path / "transposed.nii.gz", MASK.T)
    write_volume(tmp_path / "shifted.nii.gz", MASK, Volume(MASK, np.diag([1.0, 1, 1, 1]) + np.eye(4, k=3)))
    write_volume(tmp_path / "labels.nii.gz", LABEL_MAP)
    write_volume(tmp_path / "colour.png", np.stack([LABEL_MAP, LABEL_MAP // 2, LABEL_MAP // 3]), Volume(LABEL_MAP))
    write_volume(tmp_path / "nan.nii.gz", np.where(MASK, np.nan, 0).astype(np.float32))
    write_volume(tmp_path / "truncated.nii.gz", np.random.default_rng(0).random((30, 40)).astype(np.float32))
    whole = (tmp_path / "truncated.nii.gz").read_bytes()
    (tmp_path / "truncated.nii.gz").write_bytes(whole[: len(whole) // 2])
    return tmp_path


def everything_in(folder: Path) -> dict[Path, bytes | None]:
    return {p: p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))}


BAD = {
    "missing file": "evaluate nowhere.nii.gz mask.nii.gz --out out",
    "missing folder": "evaluate pred nowhere --out out",
    "truncated": "evaluate truncated.nii.gz mask.nii.gz --out out",
    "NaN": "evaluate mask.nii.gz nan.nii.gz --out out",
    "shape": "evaluate transposed.nii.gz mask.nii.gz --out out",
    "affine": "evaluate shifted.nii.gz mask.nii.gz --out out",
    "label map": "evaluate labels.nii.gz mask.nii.gz --out out",
    "empty folder": "evaluate pred empty --out out",
    "file against folder": "evaluate pred mask.nii.gz --out out",
    "no image": "evaluate file file --out out",
    "out is a file": "evaluate pred ref --out file",
    "out below a file": "evaluate pred ref --out file/out",
    "name of no segment": "evaluate pred ref --out out --labels one",
    "labels no file": "evaluate pred ref --out out --labels nowhere.json",
    "labels twice": "evaluate pred ref --out out --labels 1,1",
    "pattern without a case": "evaluate pred ref --out out --prediction-pattern seg.nii.gz",
    "group of scores": "evaluate pred ref --out out --scores dice",
    "stride above the size": "evaluate pred ref --out out --patch-size 4 --patch-stride 5",
    "negative tolerance": "evaluate pred ref --out out --surface-tolerance -1",
    "two treatments of the missing": "evaluate pred ref --out out --skip-missing --missing-as-empty",
    "region of another shape": "evaluate mask.nii.gz mask.nii.gz --out out --roi transposed.nii.gz",
    "one region for a folder": "evaluate pred ref --out out --roi empty",
    "no table": "evaluate file --out out",
    "no scheduler": "evaluate pred ref --out out --scheduler 127.0.0.1:1",
    "label nowhere": "evaluate pred ref --out out --labels 5",
    "no workers": "evaluate pred ref --out out --workers 0",
    "construction": "evaluate pred ref --out out --construction X",
    "image missing": "persistence nowhere.png --out out.csv",
    "image truncated": "persistence truncated.nii.gz --out out.csv",
    "image NaN": "persistence nan.nii.gz --out out.csv",
    "image a folder": "persistence pred --out out.csv",
    "pairs format": "persistence mask.nii.gz --out out.xlsx",
    "pairs unwritable": "persistence mask.nii.gz --out file/out.csv",
    "channel missing": "persistence colour.png --out out.csv",
    "channel too high": "persistence colour.png --out out.csv --channel 3",
    "channel of grey": "persistence mask.nii.gz --out out.csv --channel 1",
    "negative persistence": "persistence mask.nii.gz --out out.csv --min-persistence -1",
    "infinite persistence": "persistence mask.nii.gz --out out.csv --min-persistence nan",
    "filtration": "persistence mask.nii.gz --out out.csv --filtration sideways",
    "phantom unwritable": "phantom --out file/out",
    "phantom over other files": "phantom --out pred",
    "phantom ndim": "phantom --out out --ndim 4",
    "phantom shape": "phantom --out out --shape 64",
    "phantom shape no numbers": "phantom --out out --shape 64,a",
    "phantom negative size": "phantom --out out --shape -64,80",
    "phantom no cases": "phantom --out out --train 0 --test 0",
    "phantom noise": "phantom --out out --noise -1",
    "phantom of masks": "phantom mask.nii.gz --out out",
    "simulate nothing": "simulate --out out",
    "simulate mask missing": "simulate nowhere.nii.gz --out out",
    "simulate second mask missing": "simulate mask.nii.gz nowhere.nii.gz --out out",
    "simulate mask empty": "simulate nothing.nii.gz --out out",
    "simulate mask no mask": "simulate labels.nii.gz --out out",
    "simulate folder empty": "simulate empty --out out --crop 8",
    "simulate crop": "simulate mask.nii.gz --out out --crop 0",
    "simulate crop no number": "simulate mask.nii.gz --out out --crop small",
    "simulate crops": "simulate mask.nii.gz --out out --crops-per-mask 0",
    "train config missing": "train nowhere.yaml",
    "train config a folder": "train pred",
    "predict checkpoint missing": "predict nowhere.pt mask.nii.gz --out out",
    "predict checkpoint no checkpoint": "predict file mask.nii.gz --out out",
    "predict images missing": "predict file nowhere --out out",
    "predict device": "predict file mask.nii.gz --out out --device tpu",
    "predict overlap": "predict file mask.nii.gz --out out --overlap 1",
    "unknown command": "analyse pred",
    "unknown option of the program": "--fast",
    "unknown option": "evaluate pred ref --out out --fast",
    "missing argument": "evaluate --out out",
    "missing option": "evaluate pred ref",
}


@pytest.mark.parametrize("command", BAD.values(), ids=BAD.keys())
def test_bad_input(
    command: str, files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(files)
    before = everything_in(files)
    assert run(command.split()) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert error.endswith("\n")
    assert everything_in(files) == before


@pytest.mark.parametrize("name", ["missing folder", "image truncated", "phantom unwritable", "unknown command"])
def test_bad_input_of_the_program(name: str, files: Path) -> None:
    command = [sys.executable, "-m", "segtopo.cli", *BAD[name].split()]
    done = subprocess.run(command, cwd=files, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def test_an_unforeseen_error_is_not_taken_for_bad_input(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segtopo.persistence.compute_persistence", fails(MemoryError("no more")))
    monkeypatch.chdir(files)
    with pytest.raises(MemoryError):
        run(["persistence", "mask.nii.gz", "--out", "out.csv"])
    assert not Path("out.csv").exists()


def fails(error: BaseException) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail
