"""``segtopo train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from segtopo.cli.console import complain
from segtopo.cli.parameters import existing

EXAMPLE = "segtopo train configs/vessels2d.yaml epochs=2 out=runs/example"


def train(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG", help="Config file (YAML).", callback=existing("a config (YAML)"))
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY.PATH=VALUE", help="Values that replace those of the config."),
    ] = None,
    *,
    fold: Annotated[
        int | None,
        typer.Option(min=0, help="Train only this fold of data.split.folds, to OUT/fold_K [default: all folds]."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the last checkpoint.")] = False,
) -> None:
    """Trains a network as described in a config (YAML).

    Ctrl-C saves a checkpoint and stops; --resume continues from it. Several GPUs or processes share each batch with
    torchrun --nproc-per-node N -m segtopo train CONFIG.
    """
    from segtopo.training import NonFiniteLossError, TrainingInterruptedError, train_folds

    try:
        results = train_folds(config, overrides or [], fold=fold, resume=resume)
    except TrainingInterruptedError as error:
        complain(error)
        raise typer.Exit(130) from None
    except NonFiniteLossError as error:
        complain(error)
        raise typer.Exit(1) from None
    for result in results:
        typer.echo(f"checkpoint: {result.best or result.last}")
