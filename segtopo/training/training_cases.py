"""Splits the cases of a training into those to train on and those to validate on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import ceil
from random import Random

from segtopo.config.data import DataConfig, Split
from segtopo.errors import InputError, mismatch
from segtopo.training.case_sources import TrainingCase, cases_of_source, pair_folders


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
    """Splits cases into those for training and those for validation, which are ``split.fraction`` of the groups.

    Raises:
        InputError: ``split.group`` is not found in a name, or there is only one group.
    """
    groups = [_group(case, split.group) for case in cases]
    names = sorted(set(groups))
    if len(names) < 2:
        got = f"only one group of cases ({names[0]!r})"
        raise InputError(mismatch("data.split", got=got, expected="at least 2 to split"))
    held_out = set(Random(split.seed).sample(names, min(ceil(split.fraction * len(names)), len(names) - 1)))
    train = [case for case, group in zip(cases, groups, strict=True) if group not in held_out]
    return train, [case for case, group in zip(cases, groups, strict=True) if group in held_out]


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
