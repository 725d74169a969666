"""Trainers of nnU-Net on tiny preprocessed data, without its planning: seconds instead of minutes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import torch

PATCHES = {2: (16, 24), 3: (8, 16, 24)}
TUBE, CORE, UNDECIDED = 1, 2, 3
DATASET = "Dataset900_Tiny"


def load_torchvision() -> None:
    """Imports torchvision, which nnU-Net needs to find a trainer.

    The build of torchvision on PyPI lacks its operators beside a CPU build of torch. Nothing here calls them.
    """
    while True:
        try:
            import torchvision  # noqa: F401
        except RuntimeError as error:
            missing = re.fullmatch(r"operator (torchvision::\w+) does not exist", str(error))
            if missing is None:
                raise
            torch.library.define(missing[1], "() -> ()")
        else:
            return


def dataset_json(regions: bool = False, ignore: bool = False) -> dict[str, Any]:
    """The content of ``dataset.json``: a tube with a core."""
    labels: dict[str, Any] = {"background": 0, "tube": TUBE, "core": CORE}
    if regions:
        labels |= {"tube": [TUBE, CORE], "core": [CORE]}
    if ignore:
        labels["ignore"] = UNDECIDED
    content: dict[str, Any] = {"channel_names": {"0": "image"}, "labels": labels, "file_ending": ".nii.gz"}
    return content | ({"regions_class_order": [TUBE, CORE]} if regions else {})


def plans(ndim: int = 2, cascade: bool = False) -> dict[str, Any]:
    """The plans of a network of four stages; with ``cascade`` it also sees the segmentation of a first stage."""
    names = [f"torch.nn.Conv{ndim}d", f"torch.nn.InstanceNorm{ndim}d"]
    architecture = {
        "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        "arch_kwargs": {
            "n_stages": 4,
            "features_per_stage": [4, 6, 8, 8],
            "conv_op": names[0],
            "kernel_sizes": [[3] * ndim] * 4,
            "strides": [[1] * ndim, *[[2] * ndim] * 3],
            "n_conv_per_stage": [1, 1, 1, 1],
            "n_conv_per_stage_decoder": [1, 1, 1],
            "conv_bias": True,
            "norm_op": names[1],
            "norm_op_kwargs": {"eps": 1e-5, "affine": True},
            "nonlin": "torch.nn.LeakyReLU",
            "nonlin_kwargs": {"inplace": True},
        },
        "_kw_requires_import": ["conv_op", "norm_op", "nonlin"],
    }
    configuration = {
        "data_identifier": "tiny",
        "batch_size": 2,
        "patch_size": list(PATCHES[ndim]),
        "spacing": [1.0] * ndim,
        "use_mask_for_norm": [False],
        "batch_dice": False,
        "architecture": architecture,
    }
    configurations = {"tiny": configuration}
    if cascade:
        configurations["tiny"] = configuration | {"previous_stage": "first"}
        configurations["first"] = configuration | {"next_stage": "tiny"}
    return {
        "dataset_name": DATASET,
        "plans_name": "Plans",
        "configurations": configurations,
        "label_manager": "LabelManager",
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": list(range(3)),
        "transpose_backward": list(range(3)),
    }


def label_map(rng: np.random.Generator, ndim: int, ignore: bool) -> np.ndarray:
    """A wavy tube with a core along the last axis, as ``(1, *spatial)``, with a depth of 1 in 2D."""
    shape = PATCHES[ndim]
    *across, along = np.indices(shape)
    distance = (across[-1] - shape[-2] / 2 - 2 * np.sin(along / 4 + rng.uniform(0, 6))) ** 2
    labels = np.zeros(shape, np.int16)
    labels[distance < 12] = TUBE
    labels[distance < 3] = CORE
    if ignore:
        labels[..., :4] = UNDECIDED
    return labels.reshape((1, *((1, *shape) if ndim == 2 else shape)))


def write_preprocessed(folder: Path, ndim: int = 2, ignore: bool = False, cases: int = 3) -> None:
    """Writes the files of nnU-Net's preprocessing."""
    from batchgenerators.utilities.file_and_folder_operations import save_json
    from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2

    data = folder / DATASET / "tiny"
    data.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(cases):
        labels = label_map(rng, ndim, ignore)
        image = (np.where(labels == UNDECIDED, 0, labels) + rng.normal(scale=0.3, size=labels.shape)).astype(np.float32)
        places = {label: np.argwhere(labels == label) for label in (TUBE, CORE)}
        places[-1, 0, TUBE, CORE] = np.argwhere(labels != UNDECIDED)
        nnUNetDatasetBlosc2.save_case(
            image, labels, {"class_locations": places}, str(data / f"case_{number}"), labels.shape, labels.shape
        )
    names = [f"case_{number}" for number in range(cases)]
    save_json([{"train": names[1:], "val": names[:1]}], str(folder / DATASET / "splits_final.json"))
    save_json({}, str(folder / DATASET / "dataset_fingerprint.json"))


def make_trainer(
    trainer: type,
    ndim: int = 2,
    *,
    regions: bool = False,
    ignore: bool = False,
    continues: bool = False,
    **options: Any,
) -> Any:
    """A trainer on the CPU. The folders are those of nnU-Net's environment variables."""
    return trainer(
        plans={**plans(ndim, **options), "continue_training": continues},
        configuration="tiny",
        fold=0,
        dataset_json=dataset_json(regions, ignore),
        device=torch.device("cpu"),
    )
