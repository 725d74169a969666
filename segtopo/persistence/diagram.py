"""The interface that the persistence diagrams of images and of simplicial complexes share."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch


class Diagram(ABC):
    """A persistence diagram in one dimension, as distances and losses of diagrams use it.

    Attributes:
        births: ``(n,)`` birth values.
        deaths: ``(n,)`` death values; ``-inf`` or ``+inf`` for essential classes, without gradient.
        dimension: 0 components, 1 loops, 2 cavities, and so on.
    """

    births: torch.Tensor
    deaths: torch.Tensor
    dimension: int

    def __len__(self) -> int:
        return len(self.births)

    @property
    @abstractmethod
    def essential(self) -> torch.Tensor:
        """``(n,)`` True for features that never vanish."""

    @property
    def persistence(self) -> torch.Tensor:
        """``(n,)`` lifetimes ``|birth - death|``; ``inf``, without gradient, for essential features."""
        deaths = torch.where(self.essential, self.births.detach(), self.deaths)
        return (self.births - deaths).abs().masked_fill(self.essential, torch.inf)
