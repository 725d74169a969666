"""A MONAI bundle: the weights, and a config with which ``monai.bundle run`` segments images."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from segtopo.inference.export.exported_model import ExportedModel

Component = dict[str, Any]
SCHEMA = "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/meta_schema_20240725.json"
#: MONAI's transforms for normalizations that it has too.
MONAI_NORMALIZATIONS = ("ZScore", "Range", "Percentiles")


def write_bundle(model: ExportedModel, folder: Path) -> None:
    """Writes ``models/model.pt``, ``configs/inference.json`` and ``configs/metadata.json``.

    The classes that the config names are MONAI's, and segtopo's where MONAI has none. segtopo itself writes such a
    config and never runs one.
    """
    (folder / "models").mkdir(parents=True)
    (folder / "configs").mkdir()
    torch.save(model.network.state_dict(), folder / "models" / "model.pt")
    for name, content in (("inference", inference_config(model)), ("metadata", metadata(model))):
        (folder / "configs" / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def inference_config(model: ExportedModel) -> Component:
    """Returns the config of an evaluator that writes a mask of each image of ``dataset_dir`` to ``output_dir``."""
    config = model.config
    channels = config.data.output_channels
    network = config.network.arguments(config.dimensions, model.checkpoint.in_channels, channels.number)
    activation = "torch.nn.Sigmoid()" if channels.has_regions else "torch.nn.Softmax(dim=1)"
    inferer = {
        "_target_": "SlidingWindowInferer",
        "roi_size": list(config.patch_size),
        "sw_batch_size": 4,
        "overlap": 0.5,
        "mode": "gaussian",
    }
    loader = {
        "_target_": "CheckpointLoader",
        "load_path": "$@bundle_root + '/models/model.pt'",
        "load_dict": {"model": "@network_def"},
        "map_location": "@device",
    }
    return {
        "imports": ["$import glob", "$import os", "$import torch"],
        "bundle_root": ".",
        "dataset_dir": "$@bundle_root + '/images'",
        "output_dir": "$@bundle_root + '/masks'",
        "images": "$sorted(glob.glob(os.path.join(@dataset_dir, '*')))",
        "device": "$torch.device('cuda' if torch.cuda.is_available() else 'cpu')",
        "network_def": {"_target_": config.network.target, **network},
        # segtopo averages the probabilities of overlapping windows, not the logits.
        "network": f"$torch.nn.Sequential(@network_def, {activation}).to(@device)",
        "preprocessing": {"_target_": "Compose", "transforms": preprocessing(model)},
        "dataset": {
            "_target_": "Dataset",
            "data": "$[{'image': path} for path in @images]",
            "transform": "@preprocessing",
        },
        "dataloader": {"_target_": "DataLoader", "dataset": "@dataset", "batch_size": 1, "num_workers": 0},
        "inferer": inferer,
        "postprocessing": {"_target_": "Compose", "transforms": postprocessing(model)},
        "handlers": [loader],
        "evaluator": {
            "_target_": "SupervisedEvaluator",
            "device": "@device",
            "val_data_loader": "@dataloader",
            "network": "@network",
            "inferer": "@inferer",
            "postprocessing": "@postprocessing",
            "val_handlers": "@handlers",
        },
        "run": ["$@evaluator.run()"],
    }


def preprocessing(model: ExportedModel) -> list[Component]:
    """Returns the transforms that read and normalize an image as segtopo does."""
    data, is_2d = model.config.data, model.config.dimensions == 2
    read: Component = {"_target_": "LoadImaged", "keys": "image", "ensure_channel_first": True}
    # MONAI reads pictures with the columns first. The axes of volumes lead to the right, to the front and to the head.
    own: Component = {"_target_": "Orientationd", "axcodes": "RAS"}
    if is_2d:
        own = {"_target_": "Transposed", "indices": [0, 2, 1]}
    turn: list[Component] = [{**own, "keys": "image"}]
    if not isinstance(data.spacing, str):
        turn.append({"_target_": "Spacingd", "keys": "image", "pixdim": list(data.spacing), "mode": "bilinear"})
    return [read, *turn, _normalization(data.normalization.model_dump(mode="json"), data.channels)]


def _normalization(options: Component, channels: Sequence[int] | None) -> Component:
    """Returns MONAI's transform for a normalization; where it has none, or not all channels are used, segtopo's."""
    name = options["name"]
    unit = {"b_min": 0.0, "b_max": 1.0, "clip": True}
    if channels is not None or name not in MONAI_NORMALIZATIONS:
        own = "segtopo.inference.bundle_transforms.PrepareImaged"
        chosen = None if channels is None else list(channels)
        return {"_target_": own, "keys": "image", "channels": chosen, "normalization": options}
    if name == "ZScore":
        return {"_target_": "NormalizeIntensityd", "keys": "image", "channel_wise": True}
    if name == "Range":
        low, high = options["range"]
        return {"_target_": "ScaleIntensityRanged", "keys": "image", "a_min": low, "a_max": high, **unit}
    low, high = options["percentiles"]
    scale = {"_target_": "ScaleIntensityRangePercentilesd", "keys": "image", "channel_wise": True}
    return {**scale, "lower": low, "upper": high, **unit}


def postprocessing(model: ExportedModel) -> list[Component]:
    """Returns the transforms that make a mask of the probabilities, on the grid of the image, and write it."""
    painted = model.config.data.painted
    label: Component = {"_target_": "AsDiscreted", "keys": "pred", "argmax": True}
    if painted is not None:
        own = "segtopo.inference.bundle_transforms.PaintRegionsd"
        label = {"_target_": own, "keys": "pred", "painted": list(painted)}
    back: Component = {
        "_target_": "Invertd",
        "keys": "pred",
        "transform": "@preprocessing",
        "orig_keys": "image",
        "nearest_interp": False,
    }
    save: Component = {
        "_target_": "SaveImaged",
        "keys": "pred",
        "output_dir": "@output_dir",
        "output_postfix": "",
        "output_ext": ".png" if model.config.dimensions == 2 else ".nii.gz",
        "output_dtype": "uint8",
        "separate_folder": False,
        "resample": False,
    }
    return [back, label, save]


def metadata(model: ExportedModel) -> Component:
    """Returns the metadata of MONAI's schema."""
    config = model.config
    shape = list(config.patch_size)
    common = {"type": "image", "modality": "n/a", "spatial_shape": shape, "dtype": "float32", "is_patch_data": True}
    channels, outputs = model.checkpoint.in_channels, config.data.output_channels
    names = outputs.names if outputs.has_regions else ("background", *outputs.names)
    image = {
        "format": "magnitude",
        "num_channels": channels,
        "value_range": [],
        "channel_def": {str(channel): f"channel {channel}" for channel in range(channels)},
    }
    pred = {
        "format": "segmentation",
        "num_channels": outputs.number,
        "value_range": [0, 1],
        "channel_def": {str(channel): name for channel, name in enumerate(names)},
    }
    return {
        "schema": SCHEMA,
        "version": "1.0.0",
        "changelog": {"1.0.0": "exported by segtopo"},
        "monai_version": version("monai"),
        "pytorch_version": version("torch").partition("+")[0],
        "numpy_version": version("numpy"),
        "required_packages_version": {
            "nibabel": version("nibabel"),
            "pytorch-ignite": version("pytorch-ignite"),
            "segtopo": version("segtopo"),
        },
        "name": f"{config.network.name} of segtopo",
        "task": "segmentation",
        "description": f"{config.network.name} for {config.dimensions}D images, trained by segtopo; see MODEL_CARD.md.",
        "intended_use": "Research. It is not for diagnosis.",
        "authors": "n/a",
        "copyright": "n/a",
        "segtopo": model.metadata,
        "network_data_format": {"inputs": {"image": common | image}, "outputs": {"pred": common | pred}},
    }
