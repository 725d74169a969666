"""Writes all formats of a trained network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from segtopo.atomic_output import atomic_output
from segtopo.inference.export.exported_model import ExportedModel, ExportError
from segtopo.inference.export.model_card import model_card
from segtopo.inference.export.monai_bundle import write_bundle
from segtopo.inference.export.torchscript_model import write_torchscript

__all__ = ["ExportError", "export"]


def export(
    checkpoint: str | Path,
    out: str | Path,
    *,
    progress: Callable[[str, int, int], None] = lambda name, number, total: None,
) -> list[Path]:
    """Exports a trained network to other programs.

    Writes to ``out``:

    * ``model.onnx`` with the metadata as ``metadata_props``;
    * ``model.ts``, TorchScript, with the metadata as the extra file ``metadata.json``;
    * ``bundle``, a MONAI bundle with ``configs/inference.json``, ``configs/metadata.json`` and ``models/model.pt``;
    * ``MODEL_CARD.md``.

    The first two are run beside the network of the checkpoint: their probabilities are equal within 1e-4. They need the
    extra ``export``.

    Args:
        checkpoint: ``best.pt`` or ``last.pt`` of a training.
        out: The folder to make. It must not exist or be empty.
        progress: Called before each format with its name, its number (from 1) and the number of formats.

    Returns:
        The files and the folder of the bundle.

    Raises:
        InputError: The checkpoint cannot be used, or ``out`` cannot be written.
        ModuleNotFoundError: The extra is not installed.
        ExportError: An exported network gives other probabilities.
    """
    from segtopo.inference.export.onnx_model import write_onnx

    model = ExportedModel.load(Path(checkpoint))
    writers: dict[str, Callable[[ExportedModel, Path], object]] = {
        "model.onnx": write_onnx,
        "model.ts": write_torchscript,
        "bundle": write_bundle,
        "MODEL_CARD.md": lambda model, path: path.write_text(model_card(model), encoding="utf-8"),
    }
    with atomic_output(Path(out)) as folder:
        folder.mkdir()
        for number, (name, write) in enumerate(writers.items(), start=1):
            progress(name, number, len(writers))
            write(model, folder / name)
        (folder / "bundle" / "docs").mkdir()
        (folder / "bundle" / "docs" / "README.md").write_bytes((folder / "MODEL_CARD.md").read_bytes())
    return [Path(out) / name for name in writers]
