"""Writes the config of a plan: one page, with the reason of each value."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from segtopo.inference.target_spacing import describe_spacings
from segtopo.planning.architecture import Architecture, Machine, plan_architecture
from segtopo.planning.choices import (
    Choice,
    choose_foreground_fraction,
    choose_length,
    choose_normalization,
    choose_optimizer,
    choose_transforms,
)
from segtopo.planning.fingerprint import Fingerprint
from segtopo.planning.sources import Source
from segtopo.planning.subjects import subject_pattern
from segtopo.planning.yaml_text import comment, entries, entry
from segtopo.training.case_sources import TrainingCase

MOST_WORKERS = 4
VALIDATIONS = 10
HELD_OUT = 0.2

#: Regions have no background.
BACKGROUND = ", include_background: false"
FINE_TUNING = """\
To fine-tune the network with the topology, save these lines as a second config; base is the name of this file:
base: planned.yaml
out: runs/{name}_topology
initialize_from: runs/{name}/best.pt
loss:
  name: CombinedTopologyLoss
{background}  topology_loss: {{name: TopoLoss, min_persistence: 0.02, match_all: false}}
  schedule: {{ramp_epochs: 2}}
optimizer: {{lr: 3.0e-4}}
epochs: {epochs}
"""


def config_page(path: Path, source: Source, data: Fingerprint, memory: float | None) -> str:
    """Writes the config.

    Args:
        path: The data set as the user named it.
        source: The data set.
        data: Its fingerprint.
        memory: The memory of the GPU in GB; None for a CPU.
    """
    spacing = data.target_spacing
    shape = data.median_shape(spacing)
    voxels = data.voxels(spacing)
    architecture = plan_architecture(shape, spacing, voxels, Machine.with_memory(memory))
    epochs, iterations = choose_length(architecture, voxels, on_gpu=memory is not None)
    lines = [
        *comment([f"Planned by: segtopo plan {path}", *_about(data, memory)]),
        *entries([("out", Choice(f"runs/{source.name}", ""))]),
        *_data_section(source, data),
        "transforms:",
        *(line for one in choose_transforms(data, spacing, architecture.patch_size) for line in entry("-", one, 2)),
        *_network_section(architecture),
        f"loss: {{name: DiceCELoss{BACKGROUND if data.regions is None else ''}}}",
        *entry("optimizer:", choose_optimizer(architecture)),
        "schedule: {name: Poly, warmup_epochs: 1}",
        *_patch_keys(data, architecture, shape, on_gpu=memory is not None),
        *entries([("epochs", epochs), ("iterations_per_epoch", iterations)]),
        *_validation_section(len(data.cases), data.dimensions, int(epochs.value)),
        *entries([("workers", _workers())]),
        *comment(_fine_tuning(source.name, data, int(epochs.value)).splitlines()),
    ]
    return "\n".join(lines) + "\n"


def _fine_tuning(name: str, data: Fingerprint, epochs: int) -> str:
    background = "  include_background: false\n" if data.regions is None else ""
    return FINE_TUNING.format(name=name, background=background, epochs=max(2, epochs // 2))


def describe_data(data: Fingerprint) -> str:
    """Describes a data set in one line."""
    cases = "1 case" if len(data.cases) == 1 else f"{len(data.cases)} cases"
    shape = " x ".join(map(str, data.median_shape(data.target_spacing)))
    unit = "voxels" if data.dimensions == 3 else "pixels"
    spacing = describe_spacings(data.spacings) or _in_mm(data.target_spacing)
    size = f"{shape} {unit} (median)" + ("" if data.has_no_spacing else f" of {spacing}")
    channels = data.cases[0].channels
    return f"{cases} in {data.dimensions}D, {size}, {channels} channel{'s' if channels > 1 else ''}, " + (
        f"{data.labels[-1] + 1} classes" if data.regions is None else f"{len(data.regions)} regions"
    )


def _about(data: Fingerprint, memory: float | None) -> list[str]:
    names = [f"Class {label}" if data.regions is None else f"Region {data.regions[label - 1]}" for label in data.labels]
    structures = [
        f"{name}: {100 * data.share(label):.2g} % of the voxels, {data.pieces(label):g} connected "
        f"piece{'' if data.pieces(label) == 1 else 's'} in a case (median)."
        for name, label in zip(names, data.labels, strict=True)
    ]
    machine = "a CPU" if memory is None else f"a GPU of {memory:.3g} GB (segtopo plan --memory)"
    axes = " The axes of volumes lead to the right, to the front and to the head." if data.dimensions == 3 else ""
    return [f"{describe_data(data)}.", *structures, f"For {machine}.{axes}"]


def _data_section(source: Source, data: Fingerprint) -> list[str]:
    normalization, channels = choose_normalization(data, source.modalities)
    chosen = {
        **{key: Choice(value, "") for key, value in source.section.items()},
        "split": _split(source.cases),
        "classes": None if source.states_classes else Choice(data.labels[-1] + 1, "with the background"),
        "channels": channels,
        "spacing": _spacing(data),
        "normalization": normalization,
    }
    return ["data:", *entries(chosen.items(), 2)]


def _split(cases: Sequence[TrainingCase]) -> Choice | None:
    if len(cases) < 2:
        return None
    reason = "of the cases are for validation"
    if any(case.group for case in cases):
        return Choice({"fraction": HELD_OUT}, f"{reason}; the groups of the table stay together")
    if (group := subject_pattern([case.name for case in cases])) is not None:
        return Choice({"fraction": HELD_OUT, "group": group}, f"{reason}; the images of one subject stay together")
    return Choice({"fraction": HELD_OUT}, f"{reason}; add group: REGEX if several are of one subject")


def _spacing(data: Fingerprint) -> Choice:
    mixed = describe_spacings(data.spacings)
    if mixed is None:
        return Choice("native", "all images have the same, so none is resampled")
    return Choice(list(data.target_spacing), f"mm; the images have {mixed}")


def _network_section(architecture: Architecture) -> list[str]:
    kernels = [list(kernel) for kernel in architecture.kernels]
    sizes = {size for kernel in kernels for size in kernel}
    levels = {
        "channels": Choice(list(architecture.channels), "of each level"),
        "strides": Choice([list(step) for step in architecture.strides], "between the levels, along each axis"),
        "kernel_size": Choice(3, "") if sizes == {3} else Choice(kernels, "1 across thick slices"),
    }
    return ["network:", "  name: DynUNet", *entries(levels.items(), 2)]


def _patch_keys(data: Fingerprint, architecture: Architecture, shape: Sequence[int], on_gpu: bool) -> list[str]:
    whole = all(size >= length for size, length in zip(architecture.patch_size, shape, strict=True))
    size = "as large as the memory allows" if on_gpu else "small, for many steps on a CPU"
    reason = "whole images" if whole else f"{size}; a multiple of the strides"
    return entries(
        [
            ("patch_size", Choice(list(architecture.patch_size), reason)),
            ("foreground_fraction", choose_foreground_fraction(data)),
            ("batch_size", Choice(architecture.batch_size, "")),
        ]
    )


def _validation_section(cases: int, dimensions: int, epochs: int) -> list[str]:
    if cases < 2:
        return comment(["No validation: there is only one case."])
    chosen = {"interval": max(1, epochs // VALIDATIONS), "overlap": 0.25}
    if dimensions == 2:
        return entry("validation:", Choice({**chosen, "repair": True}, "repair: calibrate segtopo predict --repair"))
    return entry(
        "validation:", Choice(chosen, "add repair: true to calibrate segtopo predict --repair; it takes longer")
    )


def _workers() -> Choice:
    return Choice(min(MOST_WORKERS, max(0, (os.cpu_count() or 1) - 1)), "processes that draw patches")


def _in_mm(spacing: Sequence[float]) -> str:
    return " x ".join(f"{size:.4g}" for size in spacing) + " mm"
