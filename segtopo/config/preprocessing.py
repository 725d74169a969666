"""The normalisations of intensities that a config can choose, the same in training and in prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from segtopo.config.section import PercentageBounds, Section
from segtopo.errors import mismatch

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from typing_extensions import Self

    FloatArray = npt.NDArray[np.float32]

Intensity = Annotated[float, Field(ge=-1e9, le=1e9)]
#: Keeps the division by a standard deviation finite in a constant image.
SMALLEST_DEVIATION = 1e-6


class ZScore(Section):
    """Zero mean and unit standard deviation over the image."""

    name: Literal["ZScore"]

    def apply(self, channel: FloatArray) -> FloatArray:
        """Normalises one channel."""
        normalized: FloatArray = (channel - channel.mean()) / max(float(channel.std()), SMALLEST_DEVIATION)
        return normalized


class Range(Section):
    """``[low, high]`` mapped to [0, 1], other values clipped: a CT window in Hounsfield units, for example."""

    name: Literal["Range"]
    range: tuple[Intensity, Intensity]

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        if self.range[0] >= self.range[1]:
            raise ValueError(mismatch("range", got=list(self.range), expected="[low, high] with low < high"))
        return self

    def apply(self, channel: FloatArray) -> FloatArray:
        """Normalises one channel."""
        low, high = self.range
        return ((channel - low) / (high - low)).clip(0, 1)


class Percentiles(Section):
    """Two percentiles of the image mapped to 0 and 1, other values clipped."""

    name: Literal["Percentiles"]
    percentiles: PercentageBounds = (0.5, 99.5)

    def apply(self, channel: FloatArray) -> FloatArray:
        """Normalises one channel."""
        import numpy as np

        low, high = (float(value) for value in np.percentile(channel, self.percentiles))
        return ((channel - low) / max(high - low, SMALLEST_DEVIATION)).clip(0, 1)


class LocalContrast(Section):
    """Zero mean and unit standard deviation in a Gaussian neighbourhood, against uneven illumination.

    ``sigma`` is the standard deviation of the Gaussian in voxels.
    """

    name: Literal["LocalContrast"]
    sigma: Annotated[float, Field(gt=0, le=1000)] = 20.0

    def apply(self, channel: FloatArray) -> FloatArray:
        """Normalises one channel."""
        import numpy as np
        from scipy.ndimage import gaussian_filter

        centred = channel - gaussian_filter(channel, self.sigma)
        deviation = np.sqrt(gaussian_filter(centred**2, self.sigma))
        # In a constant area (the black surround of a fundus photograph) the noise must not be amplified.
        floor = max(0.1 * float(deviation.mean()), SMALLEST_DEVIATION)
        normalized: FloatArray = centred / np.maximum(deviation, floor)
        return normalized


Normalization = Annotated[ZScore | Range | Percentiles | LocalContrast, Field(discriminator="name")]
