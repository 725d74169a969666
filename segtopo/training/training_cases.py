"""Splits the cases of a training into those to train on and those to validate on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import ceil
from random import Random

from segtopo.config.data import DataConfig, Split
from segtopo.errors import InputError, mismatch
from segtopo.training.case_sources import TrainingCase, cases_of_source, pair_folders

DEFAULT_FRACTION = 0.2


def find_cases(data: DataConfig) -> tuple[list[TrainingCase], list[TrainingCase]]:
    """Finds the cases for training and for validation; the second list may be empty.

    Raises:
        InputError: A folder or file is missing or empty, an image has no label, or there are too few cases to split.
    """
    cases = cases_of_source(data)
    if data.validation is not None:
        return cases, pair_folders(data.validation)
    return split_cases(cases, data.split) if data.split is not None else (cases, [])


def split_cases(cases: Sequence[TrainingCase], split: Split) -> tuple[list[TrainingCase], list[TrainingCase]]:
    """Splits cases into those for training and those for validation; the cases of a group stay together.

    If the cases have folds of their own, those of the fold ``split.fold`` are for validation.

    Raises:
        InputError: ``split.group`` is not found in a name, there are too few groups, or the cases have other folds.
    """
    if split.folds is not None and any(case.fold is not None for case in cases):
        held_out_fold = _fold_of_table(cases, split)
        train = [case for case in cases if case.fold != held_out_fold]
        return train, [case for case in cases if case.fold == held_out_fold]
    groups = [_group(case, split.group) for case in cases]
    names = sorted(set(groups))
    least = split.folds or 2
    if len(names) < least:
        got = f"only one group of cases ({names[0]!r})" if len(names) == 1 else f"{len(names)} groups of cases"
        raise InputError(mismatch("data.split", got=got, expected=f"at least {least} to split"))
    held_out = _held_out(names, split)
    train = [case for case, group in zip(cases, groups, strict=True) if group not in held_out]
    return train, [case for case, group in zip(cases, groups, strict=True) if group in held_out]


def _held_out(groups: Sequence[str], split: Split) -> set[str]:
    """Chooses the groups for validation."""
    if split.folds is None:
        fraction = DEFAULT_FRACTION if split.fraction is None else split.fraction
        return set(Random(split.seed).sample(groups, min(ceil(fraction * len(groups)), len(groups) - 1)))
    return set(Random(split.seed).sample(groups, len(groups))[_fold(split) :: split.folds])


def _fold(split: Split) -> int:
    if split.fold is None:
        raise InputError(mismatch("data.split.fold", got="no value", expected="the number of a fold"))
    return split.fold


def _fold_of_table(cases: Sequence[TrainingCase], split: Split) -> int:
    """Returns the fold for validation, once all cases have one of the ``split.folds`` folds."""
    assert split.folds is not None
    if split.group is not None:
        expected = "no value: data.table has a column fold"
        raise InputError(mismatch("data.split.group", got=repr(split.group), expected=expected))
    folds = {case.fold for case in cases}
    if folds != set(range(split.folds)):
        listed = ", ".join("none" if fold is None else str(fold) for fold in sorted(folds, key=str))
        expected = f"0 to {split.folds - 1}, as data.split.folds"
        raise InputError(mismatch("data.table", got=f"the folds {listed}", expected=expected))
    return _fold(split)


def _group(case: TrainingCase, pattern: str | None) -> str:
    if pattern is None:
        return case.name if case.group is None else case.group
    if case.group is not None:
        expected = "no value: data.table has a column group"
        raise InputError(mismatch("data.split.group", got=repr(pattern), expected=expected))
    match = re.search(pattern, case.name)
    group = None if match is None else match.group(1) if match.re.groups else match.group()
    if group is None:
        expected = f"a regular expression that is found in the case name {case.name!r}"
        raise InputError(mismatch("data.split.group", got=repr(pattern), expected=expected))
    return group
