"""ONNX files, for runtimes in other languages."""

from __future__ import annotations

import warnings
from pathlib import Path

import onnx
import onnxruntime
import torch

from segtopo.inference.export.exported_model import ExportedModel

INPUT, OUTPUT = "image", "logits"


def write_onnx(model: ExportedModel, path: Path) -> None:
    """Writes the network as one ONNX file, with the metadata as ``metadata_props``. The size of a batch is free.

    Raises:
        ExportError: The file, run by onnxruntime, gives other probabilities than the network.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about parts of torch's exporter itself
        torch.onnx.export(
            model.network,
            (model.example(2),),
            path,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    content = onnx.load(path)
    onnx.helper.set_model_props(content, model.metadata)
    onnx.save(content, path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    model.check(path.name, lambda images: torch.from_numpy(session.run([OUTPUT], {INPUT: images.numpy()})[0]))
