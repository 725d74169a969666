"""A trained network to export: its metadata for other programs, and the check of each exported file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from segtopo.config import TrainingConfig
from segtopo.inference.checkpoint import Checkpoint

#: Largest difference of a probability between the exported network and the original.
TOLERANCE = 1e-4
#: Images in the batches that check an exported network.
BATCHES = (1, 3)


class ExportError(RuntimeError):
    """An exported network gives other probabilities than the original."""


@dataclass(frozen=True)
class ExportedModel:
    """The network of a checkpoint, on the CPU and in evaluation mode.

    Attributes:
        path: The checkpoint.
        checkpoint: Its content.
        config: The config of its training.
        network: The network. It takes normalised images (B, C, *patch_size) and gives logits of all classes or regions.
    """

    path: Path
    checkpoint: Checkpoint
    config: TrainingConfig
    network: torch.nn.Module

    @classmethod
    def load(cls, path: Path) -> ExportedModel:
        """Reads a checkpoint.

        Raises:
            InputError: The file cannot be used.
        """
        checkpoint = Checkpoint.load(path)
        return cls(path, checkpoint, checkpoint.training_config(path), checkpoint.build_network(path))

    @property
    def metadata(self) -> dict[str, str]:
        """The facts that a program needs to prepare images and to read the output; each value is JSON or a word."""
        data = self.config.data.model_dump(mode="json")
        outputs: dict[str, Any] = {}
        if data["regions"] is None:
            outputs["output"] = (
                "logits (batch, class, *patch_size), softmax gives probabilities; class 0 is the background"
            )
            outputs |= {"classes": data["classes"], "class_names": self.config.data.output_channels.names}
        else:
            outputs["output"] = "logits (batch, region, *patch_size), sigmoid gives probabilities; regions may overlap"
            outputs |= {"regions": data["regions"], "painted": data["painted"]}
        facts: dict[str, Any] = {
            "input": "normalized image (batch, channel, *patch_size), float32",
            "axes": "index order; those of volumes with a position are turned to right, anterior, superior (RAS)",
            "channels": data["channels"] or list(range(self.checkpoint.in_channels)),
            "normalization": data["normalization"],
            "spacing": data["spacing"],
            "patch_size": list(self.config.patch_size),
            **outputs,
            "network": self.config.network.name,
            "segtopo": version("segtopo"),
        }
        return {name: fact if isinstance(fact, str) else json.dumps(fact) for name, fact in facts.items()}

    def example(self, batch: int) -> torch.Tensor:
        """Returns random images of the size of a patch."""
        shape = (batch, self.checkpoint.in_channels, *self.config.patch_size)
        return torch.randn(shape, generator=torch.Generator().manual_seed(0))

    def check(self, name: str, run: Callable[[torch.Tensor], torch.Tensor]) -> None:
        """Compares the probabilities of an exported network with those of the original.

        Args:
            name: The name of the exported file, for the error.
            run: Returns the logits of the exported network.

        Raises:
            ExportError: They differ by more than 1e-4.
        """
        channels = self.config.data.output_channels
        for batch in BATCHES:
            images = self.example(batch)
            with torch.inference_mode():
                expected, got = (channels.probabilities(logits(images)) for logits in (self.network, run))
            difference = float((got - expected).abs().max())
            if not difference <= TOLERANCE:
                raise ExportError(
                    f"{name}: got probabilities that differ by {difference:.2g} from those of {self.path}, "
                    f"expected at most {TOLERANCE:g}"
                )
