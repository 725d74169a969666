"""Bootstrap intervals of the mean and of the median over cases."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

LEVEL = 0.95
RESAMPLES = 2000
SEED = 0


class Interval(NamedTuple):
    """A confidence interval.

    Attributes:
        low: Lower end.
        high: Upper end.
    """

    low: float
    high: float


def bootstrap_interval(values: npt.ArrayLike, statistic: Literal["mean", "median"] = "mean") -> Interval | None:
    """Computes a 95 % bootstrap interval from 2000 resamples with a fixed seed.

    The interval of the mean is bias-corrected and accelerated (BCa). That of the median is a percentile interval,
    because BCa needs a smooth statistic.

    Args:
        values: ``(cases,)`` finite values.
        statistic: The statistic.

    Returns:
        The interval. It is None for fewer than two values, and a single point if all values are equal.

    References:
        B. Efron, "Better bootstrap confidence intervals", JASA 1987.

    Example:
        >>> low, high = bootstrap_interval([0.8, 0.9, 0.7, 0.85])
        >>> 0.7 <= low < 0.8125 < high <= 0.9
        True
        >>> bootstrap_interval([3, 3, 3])
        Interval(low=3.0, high=3.0)
    """
    from scipy.stats import bootstrap

    sample = np.asarray(values, np.float64)
    if len(sample) < 2:
        return None
    if (sample == sample[0]).all():
        return Interval(float(sample[0]), float(sample[0]))
    function, method = (np.mean, "BCa") if statistic == "mean" else (np.median, "percentile")
    found = bootstrap(
        (sample,),
        function,
        n_resamples=RESAMPLES,
        confidence_level=LEVEL,
        method=method,
        random_state=np.random.default_rng(SEED),
    ).confidence_interval
    return Interval(float(found.low), float(found.high))
