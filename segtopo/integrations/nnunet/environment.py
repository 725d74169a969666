"""The environment variables by which nnU-Net finds the trainers, and the trainers their settings."""

from __future__ import annotations

import os
from pathlib import Path

#: The variable of nnU-Net with the folders of trainers that are not its own. It reads the variable at each search.
EXTERNAL_TRAINERS = "nnUNet_extTrainer"
#: The path of a YAML file with settings, or the settings: ``segtopo_nnunet="{num_epochs: 200}"``.
SETTINGS = "segtopo_nnunet"


def external_trainers() -> Path:
    """Returns the folder to name in nnU-Net's variable ``nnUNet_extTrainer``.

    Example:
        >>> [file.name for file in external_trainers().glob("*.py")]
        ['segtopo_trainers.py']
    """
    return Path(__file__).parent / "external_trainers"


def make_trainers_known(settings: str | Path | None = None) -> None:
    """Sets the variables, for this process and those that it starts.

    Folders that nnU-Net's variable already names are kept, and searched first.

    Args:
        settings: A YAML file of settings for the trainers. None: the variable keeps its value.
    """
    if settings is not None:
        os.environ[SETTINGS] = str(Path(settings).resolve())
    named = os.environ.get(EXTERNAL_TRAINERS, "")
    folders = [folder for folder in named.split(os.pathsep) if folder]
    own = str(external_trainers())
    if own not in folders:
        os.environ[EXTERNAL_TRAINERS] = os.pathsep.join([*folders, own])
