"""TorchScript files, for C++ and for programs without the source of the network."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import torch

from segtopo.inference.export.exported_model import ExportedModel

METADATA = "metadata.json"


def write_torchscript(model: ExportedModel, path: Path) -> None:
    """Writes the network as a TorchScript file, with the metadata as the extra file ``metadata.json``.

    Raises:
        ExportError: The file gives other probabilities than the network.
    """
    jit: Any = torch.jit  # its functions have no types
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # torch calls its format deprecated, but programs still ask for it
        jit.save(
            jit.trace(model.network, model.example(2)),
            str(path),
            _extra_files={METADATA: json.dumps(model.metadata, indent=1)},
        )
        loaded = jit.load(str(path), map_location="cpu")
        model.check(path.name, loaded)
