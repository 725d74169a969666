"""``segtopo nnunet``: nnU-Net's commands with all their options, and the trainers known to them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from segtopo.cli import nnunet, run
from segtopo.integrations.nnunet.environment import EXTERNAL_TRAINERS, SETTINGS, external_trainers


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], str, str]]:
    """The command lines that a stand-in for nnU-Net's entry points sees, and both variables."""
    seen: list[tuple[list[str], str, str]] = []
    module = ModuleType("stand_in")

    def entry() -> None:
        seen.append((sys.argv, os.environ[EXTERNAL_TRAINERS], os.environ[SETTINGS]))

    module.entry = entry  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "stand_in", module)
    monkeypatch.setitem(sys.modules, "torchvision", ModuleType("torchvision"))
    monkeypatch.setattr(nnunet, "ENTRY_POINTS", dict.fromkeys(nnunet.ENTRY_POINTS, "stand_in:entry"))
    for name in (EXTERNAL_TRAINERS, SETTINGS):
        monkeypatch.setenv(name, "")
    return seen


def test_the_path_is_the_folder_of_the_trainers(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["nnunet", "path"]) == 0
    assert capsys.readouterr().out.strip() == str(external_trainers())
    assert (external_trainers() / "segtopo_trainers.py").is_file()


@pytest.mark.parametrize("action", ["train", "predict", "predict-from-modelfolder", "find-best"])
def test_all_arguments_reach_nnunet_in_their_order(action: str, calls: list[tuple[list[str], str, str]]) -> None:
    arguments = ["1", "3d_fullres", "0", "-tr", "Trainer", "--npz", "--c", "-f", "0", "1", "-h", "-num_gpus", "-1"]
    before = sys.argv
    assert run(["nnunet", action, *arguments]) == 0
    ((words, trainers, settings),) = calls
    assert words == [f"segtopo nnunet {action}", *arguments]
    assert (trainers, settings) == (str(external_trainers()), "")
    assert sys.argv is before


def test_settings_are_a_file_with_an_absolute_path(
    calls: list[tuple[list[str], str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.yaml").write_text("{}", encoding="utf-8")
    assert run(["nnunet", "train", "1", "2d", "0", "--settings", "own.yaml", "-tr", "x"]) == 0
    ((words, _, settings),) = calls
    assert words[1:] == ["1", "2d", "0", "-tr", "x"]
    assert settings == str(tmp_path / "own.yaml")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--settings", "nowhere.yaml"], "nowhere.yaml: got no such file or folder, expected a YAML file"),
        (["trian"], "'trian' is not one of 'train', 'predict', 'predict-from-modelfolder', 'find-best', 'path'"),
        ([], "Missing argument"),
    ],
)
def test_wrong_words_are_refused_in_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["nnunet", *arguments]) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1


def test_a_torchvision_of_another_torch_is_named(
    calls: list[tuple[list[str], str, str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    (tmp_path / "torchvision.py").write_text(
        "raise RuntimeError('operator torchvision::nms does not exist')", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torchvision")
    assert run(["nnunet", "train"]) == 2
    assert not calls
    assert "error: torchvision: got a build that fails: operator torchvision::nms" in capsys.readouterr().err
