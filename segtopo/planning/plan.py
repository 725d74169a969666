"""Plans a training from a fingerprint of its data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from segtopo.config.dataset_defaults import add_dataset_defaults
from segtopo.config.loading import parse_config
from segtopo.config.yaml_reading import read_yaml
from segtopo.errors import InputError, mismatch
from segtopo.planning.config_page import config_page, describe_data
from segtopo.planning.fingerprint import Fingerprint, read_fingerprint
from segtopo.planning.sources import find_source


@dataclass(frozen=True)
class Plan:
    """A planned training.

    Attributes:
        config: The text of the config, YAML with comments.
        summary: The data set in one line.
    """

    config: str
    summary: str


def plan(
    data: str | Path,
    *,
    memory: float | None = None,
    progress: Callable[[str, int, int], None] = lambda case, number, total: None,
) -> Plan:
    """Plans a training for a data set.

    Args:
        data: A ``dataset.json`` or a folder with one; a CSV file of cases; or a folder with ``images`` and
            ``labels``, with ``train/images`` and ``train/labels``, or with ``imagesTr`` and ``labelsTr``.
        memory: The memory of the GPU in GB; None: that of the GPU of this machine. Without a GPU, a small network is
            planned that a CPU can train.
        progress: Called before each case is read with its name, its number (from 1) and the number of cases.

    Returns:
        The config, which ``segtopo train`` accepts as it is, and a summary of the data.

    Raises:
        InputError: There is no such data set, a case cannot be used, or no case has a structure.

    Example:
        >>> planned = plan("data_samples/vessels3d")
        >>> print(planned.summary)
        4 cases in 3D, 64 x 56 x 48 voxels (median) of 1 x 1 x 1 mm, 1 channel, 2 classes
        >>> print(planned.config[:53])
        # Planned by: segtopo plan data_samples/vessels3d
        # 4
    """
    if memory is not None and not 0 < memory < float("inf"):
        raise InputError(mismatch("memory", got=memory, expected="a number of GB above 0"))
    path = Path(data)
    source = find_source(path)
    fingerprint = read_fingerprint(source.cases, source.ignored, source.regions, progress)
    _check_structures(fingerprint, path)
    if memory is None and torch.cuda.is_available():
        memory = torch.cuda.get_device_properties(0).total_memory / 1e9
    text = config_page(path, source, fingerprint, memory)
    content = read_yaml(text, str(path))
    add_dataset_defaults(content)
    parse_config(content, str(path))
    return Plan(text, describe_data(fingerprint))


def _check_structures(data: Fingerprint, path: Path) -> None:
    if not data.labels:
        raise InputError(mismatch(path, got="labels without any structure", expected="at least one case with one"))
    if data.regions is not None:
        return
    missing = set(range(1, data.labels[-1])) - set(data.labels)
    if len(missing) > len(data.labels):
        expected = f"labels 1, 2, ... {len(data.labels)} beside the background"
        raise InputError(mismatch(path, got=f"the labels {', '.join(map(str, data.labels))}", expected=expected))
