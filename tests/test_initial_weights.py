"""initialize_from: weights of any program are copied as far as they fit, and it is told which."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter
from torch import nn

from segtopo.config.networks import Network
from segtopo.errors import InputError
from segtopo.inference.initial_weights import initialize


def network(classes: int = 2, **options: Any) -> nn.Module:
    config = {"name": "UNet", "channels": (4, 8), "num_res_units": 0, "norm": "batch", **options}
    built: nn.Module = TypeAdapter(Network).validate_python(config).build(2, 1, classes)
    return built


def saved(path: Path, content: Any) -> Path:
    torch.save(content, path)
    return path


def prefixed(weights: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {prefix + name: value for name, value in weights.items()}


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod.", "net.", "model."])
@pytest.mark.parametrize("key", [None, "state_dict", "model", "network_weights", "model_state_dict"])
def test_weights_are_found_under_each_key_and_prefix(tmp_path: Path, key: str | None, prefix: str) -> None:
    source, target = network(), network()
    weights = prefixed(source.state_dict(), prefix)
    content = weights if key is None else {key: weights, "epoch": 3, "optimizer": {"state": {}}}
    lines = initialize(target, saved(tmp_path / "w.pt", content))
    count = len(weights)
    assert lines == [f"initialize_from {tmp_path / 'w.pt'}: loaded {count} of {count} tensors of the network"]
    loaded = target.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in source.state_dict().items())


def test_averaged_weights_are_preferred_if_there_are_any(tmp_path: Path) -> None:
    plain, averaged = network().state_dict(), network().state_dict()
    target = network()
    initialize(target, saved(tmp_path / "a.pt", {"network": plain, "averaged": averaged}))
    assert all(torch.equal(value, averaged[name]) for name, value in target.state_dict().items())
    initialize(target, saved(tmp_path / "b.pt", {"network": plain, "averaged": {}}))
    assert all(torch.equal(value, plain[name]) for name, value in target.state_dict().items())


def test_a_checkpoint_of_nnunet_with_numbers_of_numpy_is_read(tmp_path: Path) -> None:
    pytest.importorskip("dynamic_network_architectures")
    residual = {"name": "ResidualEncoderUNet", "channels": (4, 8), "blocks": (1, 1)}
    source, target = (TypeAdapter(Network).validate_python(residual).build(2, 1, 2) for _ in range(2))
    content = {
        "network_weights": prefixed(source.state_dict(), "_orig_mod."),
        "logging": {"mean_fg_dice": [np.float64(0.5), np.float32(0.25)], "epoch": np.int64(3)},
        "_best_ema": np.float64(0.7),
        "init_args": {"plans": {"patch_size": [4, 5]}, "fold": 0},
        "current_epoch": 4,
    }
    assert f"loaded {len(target.state_dict())} of" in initialize(target, saved(tmp_path / "c.pth", content))[0]
    assert all(torch.equal(value, source.state_dict()[name]) for name, value in target.state_dict().items())


def test_tensors_that_do_not_fit_are_listed_and_left_alone(tmp_path: Path) -> None:
    source, target = network(classes=3).state_dict(), network()
    before = {name: value.clone() for name, value in target.state_dict().items()}
    source["extra.weight"] = torch.zeros(7)
    del source["model.0.conv.bias"]
    other = [name for name, value in before.items() if name in source and source[name].shape != value.shape]
    lines = initialize(target, saved(tmp_path / "w.pt", source))
    assert lines[0].endswith(f"loaded {len(before) - len(other) - 1} of {len(before)} tensors of the network")
    assert lines[1].startswith(f"  skipped, with another shape: {len(other)} (")
    name = other[0]
    assert f"{name} {tuple(source[name].shape)}, here {tuple(before[name].shape)}" in lines[1]
    assert lines[2:] == [
        "  skipped, not in the network: 1 (extra.weight (7,))",
        "  left random, not in the file: 1 (model.0.conv.bias)",
    ]
    for name in [*other, "model.0.conv.bias"]:
        assert torch.equal(target.state_dict()[name], before[name])


class Executed:
    def __reduce__(self) -> Any:
        return (print, ("code of a checkpoint",))


def test_a_file_without_fitting_weights_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "text.pt"
    text.write_text("no weights", encoding="utf-8")
    contents: dict[str, Any] = {
        "fits": {"layer.weight": torch.zeros(2)},
        "no tensors": {"state_dict": {"epoch": 3}},
        "no plain data": {"state_dict": Executed()},
    }
    paths = {
        problem: saved(tmp_path / f"{number}.pt", value) for number, (problem, value) in enumerate(contents.items())
    }
    paths |= {"damaged": text, "no such file": tmp_path / "missing.pt"}
    for path in paths.values():
        with pytest.raises(InputError) as caught:
            initialize(network(), path)
        assert len(str(caught.value).splitlines()) == 1
        assert str(path) in str(caught.value)
    assert capsys.readouterr().out == ""
    with pytest.raises(
        InputError, match=r"none of whose 1 tensors .* expected .* model\.0\.conv\.weight \(4, 1, 3, 3\)"
    ):
        initialize(network(), paths["fits"])
