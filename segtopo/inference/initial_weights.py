"""The first weights of a training from any file of weights: a checkpoint of segtopo, nnU-Net, MONAI or Lightning."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from segtopo.errors import InputError, mismatch

#: Keys under which programs store the weights, the best ones first.
CONTAINERS = ("averaged", "network", "network_weights", "state_dict", "model_state_dict", "model", "net")
#: Prefixes that torch and training programs write before the names of weights.
PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.")
#: Names that a line lists before it stops.
LISTED = 3
WEIGHTS = "a file of weights (a dictionary of tensors), as torch.save writes it"

Weights = dict[str, torch.Tensor]


def initialize(network: torch.nn.Module, path: Path) -> list[str]:
    """Copies the weights of a file into a network, as far as names and shapes are the same.

    Nothing in the file is executed. The weights may lie under a key of their own, and their names may begin with the
    prefixes of distributed and compiled networks.

    Args:
        network: The network; weights without a counterpart in the file remain as they are.
        path: The file.

    Returns:
        Lines that say which weights were loaded, and which were not and why.

    Raises:
        InputError: The file cannot be read, has no weights, or none that fits.
    """
    present = network.state_dict()
    stored = {_without_prefixes(name, present): tensor for name, tensor in read_weights(path).items()}
    fitting = {
        name: tensor for name, tensor in stored.items() if name in present and tensor.shape == present[name].shape
    }
    if not fitting:
        got = f"{path}, none of whose {len(stored)} tensors has a name and a shape of the network"
        example = next(iter(present))
        expected = f"weights of this network, for instance {_described(example, present[example])}"
        raise InputError(mismatch("initialize_from", got=got, expected=expected))
    network.load_state_dict(fitting, strict=False)
    return list(_report(path, present, stored, fitting))


def read_weights(path: Path) -> Weights:
    """Reads the weights of a file, without executing code.

    Raises:
        InputError: The file does not exist, is damaged, holds objects other than plain data, or has no weights.
    """
    if not path.is_file():
        raise InputError(mismatch(path, got="no such file", expected=WEIGHTS))
    try:
        with torch.serialization.safe_globals(_numpy_numbers()):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler raises errors of many types for damaged files
        got = f"objects that are no plain data, or a damaged file ({type(error).__name__})"
        raise InputError(mismatch(path, got=got, expected=WEIGHTS)) from None
    weights = _find_weights(content)
    if not weights:
        raise InputError(mismatch(path, got="no tensors", expected=WEIGHTS))
    return weights


def _numpy_numbers() -> list[Any]:
    """Returns the classes of NumPy's numbers, which nnU-Net stores beside the weights as its log."""
    scalar = np.float64(0).__reduce__()[0]
    return [scalar, np.dtype, *(type(np.dtype(kind)) for kind in ("f8", "f4", "i8", "i4", "?"))]


def _find_weights(content: Any) -> Weights:
    """Returns the tensors of a mapping, or of the one under a key for weights."""
    if not isinstance(content, Mapping):
        return {}
    for key in CONTAINERS:
        if weights := _find_weights(content.get(key)):
            return weights
    return {str(name): value for name, value in content.items() if isinstance(value, torch.Tensor)}


def _without_prefixes(name: str, present: Collection[str]) -> str:
    """Removes prefixes until the network has the name; a name that it never has remains."""
    short = name
    while short not in present:
        prefix = next((prefix for prefix in PREFIXES if short.startswith(prefix)), None)
        if prefix is None:
            return name
        short = short.removeprefix(prefix)
    return short


def _report(path: Path, present: Weights, stored: Weights, fitting: Weights) -> Iterator[str]:
    yield f"initialize_from {path}: loaded {len(fitting)} of {len(present)} tensors of the network"
    other = [name for name in stored if name in present and name not in fitting]
    groups = {
        "skipped, with another shape": [
            f"{_described(name, stored[name])}, here {tuple(present[name].shape)}" for name in other
        ],
        "skipped, not in the network": [
            _described(name, tensor) for name, tensor in stored.items() if name not in present
        ],
        "left random, not in the file": [name for name in present if name not in stored],
    }
    for group, names in groups.items():
        if names:
            more = f"; and {len(names) - LISTED} more" if len(names) > LISTED else ""
            yield f"  {group}: {len(names)} ({'; '.join(names[:LISTED])}{more})"


def _described(name: str, tensor: torch.Tensor) -> str:
    return f"{name} {tuple(tensor.shape)}"
