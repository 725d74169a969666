"""The compiled kernel of segtopo."""

from typing import Any

import numpy as np
import numpy.typing as npt

class NanError(ValueError): ...

def cubical_persistence(
    images: npt.NDArray[np.floating[Any]],
    *,
    superlevel: bool,
    top_cells: bool,
    min_persistence: float,
    num_threads: int,
) -> tuple[
    npt.NDArray[np.int64],
    npt.NDArray[np.int64],
    npt.NDArray[np.int64],
    npt.NDArray[np.int64],
    npt.NDArray[np.int64],
    npt.NDArray[np.int64],
]: ...
