"""``segtopo nnunet``."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from segtopo.cli.parameters import existing
from segtopo.errors import InputError, mismatch

EXAMPLE = "segtopo nnunet path"

Action: TypeAlias = Literal["train", "predict", "predict-from-modelfolder", "find-best", "path"]

#: The entry points of nnU-Net, as its own commands call them.
ENTRY_POINTS = {
    "train": "nnunetv2.run.run_training:run_training_entry",
    "predict": "nnunetv2.inference.predict_from_raw_data:predict_entry_point",
    "predict-from-modelfolder": "nnunetv2.inference.predict_from_raw_data:predict_entry_point_modelfolder",
    "find-best": "nnunetv2.evaluation.find_best_configuration:find_best_configuration_entry_point",
}


def nnunet(
    action: Annotated[Action, typer.Argument(help="The command of nnU-Net, or path.")],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="ARGUMENT", help="All arguments and options of the command of nnU-Net; -h shows them."),
    ] = None,
    *,
    settings: Annotated[
        Path | None,
        typer.Option(
            help="YAML file of settings for the trainers of segtopo [default: the variable segtopo_nnunet].",
            callback=existing("a YAML file of settings"),
        ),
    ] = None,
) -> None:
    """Runs a command of nnU-Net that finds the trainers of segtopo.

    train, predict, predict-from-modelfolder and find-best are nnUNetv2_train, nnUNetv2_predict,
    nnUNetv2_predict_from_modelfolder and nnUNetv2_find_best_configuration. The trainers for their option -tr are
    nnUNetTrainerBettiMatching, nnUNetTrainerTopoLoss, nnUNetTrainerSkeletonRecall and nnUNetTrainerclDice.

    path prints the folder of the trainers. With it, nnU-Net's own commands find them as well:
    export nnUNet_extTrainer=$(segtopo nnunet path)
    """
    from segtopo.integrations.nnunet.environment import external_trainers, make_trainers_known

    if action == "path":
        typer.echo(external_trainers())
        return
    make_trainers_known(settings)
    module, _, entry_point = ENTRY_POINTS[action].partition(":")
    run_entry_point = getattr(import_module(module), entry_point)
    _check_torchvision()
    own, sys.argv = sys.argv, [f"segtopo nnunet {action}", *(arguments or [])]
    try:
        run_entry_point()
    finally:
        sys.argv = own


def _check_torchvision() -> None:
    """Raises InputError if torchvision cannot be imported, which nnU-Net does when it looks for a trainer."""
    try:
        import_module("torchvision")
    except RuntimeError as error:
        import torch

        expected = f"the build for torch {torch.__version__}; install both from the same package index"
        raise InputError(mismatch("torchvision", got=f"a build that fails: {error}", expected=expected)) from error
