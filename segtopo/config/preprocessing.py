"""How intensities are brought to a common scale before the network sees them, in training and in prediction alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from segtopo.config.section import Bounds, Positive, Section

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from typing_extensions import Self

    FloatArray = npt.NDArray[np.float32]

#: Keeps the division by a standard deviation finite where an image is constant.
SMALLEST_DEVIATION = 1e-6


class ZScore(Section):
    """Zero mean, unit standard deviation, over the whole image."""

    name: Literal["ZScore"]

    def apply(self, channel: FloatArray) -> FloatArray:
        """The normalised channel."""
        normalized: FloatArray = (channel - channel.mean()) / max(float(channel.std()), SMALLEST_DEVIATION)
        return normalized


class Range(Section):
    """Maps ``[low, high]`` to [0, 1] and clips the rest, as for a CT window in Hounsfield units."""

    name: Literal["Range"]
    range: Bounds

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        if self.range[0] == self.range[1]:
            raise ValueError(f"received range {list(self.range)}, expected [low, high] with low < high")
        return self

    def apply(self, channel: FloatArray) -> FloatArray:
        """The normalised channel."""
        low, high = self.range
        return ((channel - low) / (high - low)).clip(0, 1)


class Percentiles(Section):
    """Maps these two percentiles of the image to 0 and 1 and clips the rest."""

    name: Literal["Percentiles"]
    percentiles: Bounds = (0.5, 99.5)

    def apply(self, channel: FloatArray) -> FloatArray:
        """The normalised channel."""
        import numpy as np

        low, high = (float(value) for value in np.percentile(channel, self.percentiles))
        return ((channel - low) / max(high - low, SMALLEST_DEVIATION)).clip(0, 1)


class LocalContrast(Section):
    """Zero mean, unit standard deviation in a Gaussian neighbourhood of ``sigma`` voxels: evens out illumination."""

    name: Literal["LocalContrast"]
    sigma: Positive = 20.0

    def apply(self, channel: FloatArray) -> FloatArray:
        """The normalised channel."""
        import numpy as np
        from scipy.ndimage import gaussian_filter

        centred = channel - gaussian_filter(channel, self.sigma)
        deviation = np.sqrt(gaussian_filter(centred**2, self.sigma))
        # Where nothing varies (the black surround of a fundus photograph) the noise must not be blown up.
        floor = max(0.1 * float(deviation.mean()), SMALLEST_DEVIATION)
        normalized: FloatArray = centred / np.maximum(deviation, floor)
        return normalized


Normalization = Annotated[ZScore | Range | Percentiles | LocalContrast, Field(discriminator="name")]
