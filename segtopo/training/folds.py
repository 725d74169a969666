"""Cross-validation: a training for each fold, and repair rules from the validation cases of all folds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from segtopo.config import TrainingConfig, load_config
from segtopo.errors import InputError, mismatch
from segtopo.inference.checkpoint import BEST, LAST
from segtopo.inference.ensemble import FOLD
from segtopo.inference.sliding_windows import choose_device
from segtopo.training.engine import run_training
from segtopo.training.epoch_rows import goodness
from segtopo.training.processes import launched_rank
from segtopo.training.repair_calibration import calibrate_checkpoints, has_rules, load_validators
from segtopo.training.reporting import say
from segtopo.training.run_folder import is_finished
from segtopo.training.training_run import TrainingResult


def train_folds(
    config_path: str | Path,
    overrides: Sequence[str] = (),
    *,
    fold: int | None = None,
    resume: bool = False,
    console: Console | None = None,
) -> list[TrainingResult]:
    """Trains a network, or one for each fold if the config has ``data.split.folds``.

    The training of fold K is in ``out/fold_K``. Once all folds are trained and the config has ``validation.repair``,
    repair rules are chosen on the validation cases of all folds, each predicted by the network that has not seen it;
    they are written to ``out`` and stored in ``best.pt`` of each fold.

    Args:
        config_path: A YAML file, see :func:`segtopo.training.train`.
        overrides: Values that replace those of the file.
        fold: The only fold to train. None: that of the config, or all folds one after another.
        resume: Continue from ``last.pt``. Of all folds, the finished ones are skipped and the others begun.
        console: Where to print, by default standard output.

    Returns:
        The result of each training.

    Raises:
        InputError: See :func:`segtopo.training.train`; or a fold is named and the config has none.
    """
    console = console or Console()
    config = load_config(Path(config_path), overrides)
    folds = _folds(config, fold)
    if folds is None:
        return [run_training(config, resume, console)]
    every = _folds(_with_fold(config, None), None) or []
    chosen = [_of_fold(config, number) for number in folds]
    has_begun = any((each.out / LAST).exists() for each in chosen)
    results = []
    for number, each in zip(folds, chosen, strict=True):
        say(console, f"fold {number}: {each.out}")
        results.append(run_training(each, resume and ((each.out / LAST).exists() or not has_begun), console))
    if len(results) > 1:
        _say_mean(config, results, console)
    if config.validation.repair and launched_rank() == 0:
        _calibrate(config, [_of_fold(config, number) for number in every], console)
    return results


def _folds(config: TrainingConfig, fold: int | None) -> list[int] | None:
    """Returns the numbers of the folds to train, or None if the config has no folds."""
    split = config.data.split
    count = None if split is None else split.folds
    if split is None or count is None:
        if fold is not None:
            raise InputError(mismatch("fold", got=fold, expected="no fold, or a config with data.split.folds"))
        return None
    chosen = split.fold if fold is None else fold
    if chosen is not None and not 0 <= chosen < count:
        raise InputError(mismatch("fold", got=chosen, expected=f"a number from 0 to {count - 1}"))
    return list(range(count)) if chosen is None else [chosen]


def _with_fold(config: TrainingConfig, fold: int | None) -> TrainingConfig:
    assert config.data.split is not None
    split = config.data.split.model_copy(update={"fold": fold})
    return config.model_copy(update={"data": config.data.model_copy(update={"split": split})})


def _of_fold(config: TrainingConfig, fold: int) -> TrainingConfig:
    """Returns the config of the training of a fold; all folds share the prepared cases."""
    places = {"out": config.out / f"{FOLD}{fold}", "cache": config.cache_folder}
    return _with_fold(config, fold).model_copy(update=places)


def _say_mean(config: TrainingConfig, results: Sequence[TrainingResult], console: Console) -> None:
    """Prints the best score of the folds: its mean, and the worst and the best fold."""
    score = config.validation.best
    best = [
        max((value for row in result.history if (value := goodness(row, score)) is not None), default=None)
        for result in results
    ]
    values = [abs(value) for value in best if value is not None]
    if values:
        mean = sum(values) / len(values)
        say(console, f"{len(values)} folds: {score} {mean:.4f} (from {min(values):.4f} to {max(values):.4f})")


def _calibrate(config: TrainingConfig, folds: Sequence[TrainingConfig], console: Console) -> None:
    """Chooses repair rules on the validation cases of all folds, once all are trained."""
    if has_rules(config.out) or not all(is_finished(fold) for fold in folds):
        return
    checkpoints = [fold.out / BEST for fold in folds]
    validators = load_validators(checkpoints, choose_device(config.device))
    calibrate_checkpoints(checkpoints, validators, config.out, console)
