"""What all persistence diagrams have, whatever was filtered."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch


class Diagram(ABC):
    """A persistence diagram in one dimension: what distances and losses of diagrams need to know.

    Attributes:
        births: (n,) birth values.
        deaths: (n,) death values; ``-inf`` or ``+inf`` for essential classes, without gradient.
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
        """(n,) True for features that never vanish."""
