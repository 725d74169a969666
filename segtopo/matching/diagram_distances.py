"""Distances between persistence diagrams, differentiable in both through their optimal matching."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from segtopo.errors import InputError
from segtopo.matching.bottleneck_matching import match_bottleneck
from segtopo.matching.diagram_points import FloatArray, Matching, diagram_points
from segtopo.matching.ground_cost import GroundCost
from segtopo.matching.wasserstein_matching import match_wasserstein
from segtopo.persistence import Diagram, PersistencePairs

DiagramLike: TypeAlias = Diagram | PersistencePairs | torch.Tensor | NDArray[Any]


def bottleneck_distance(first: DiagramLike, second: DiagramLike) -> torch.Tensor:
    """The bottleneck distance of two persistence diagrams, exact: the longest way in the best matching.

    Ways are measured in the maximum norm. A point goes to its partner or to the diagonal; essential points are
    matched with one another in the order of their births. The gradient is that of the longest way: it goes to the
    pair of points, or to the one point, that sets the distance, and is shared where several do.

    Args:
        first: A ``PersistenceDiagram`` or ``SimplicialDiagram``, ``PersistencePairs`` of one dimension, or an (n, 2)
            tensor or array of births and deaths.
        second: The same, of the same filtration; tensors are on one device.

    Returns:
        The distance as a scalar tensor of the inputs' dtype (float64 for arrays and integers); ``inf``, without
        gradient, if the numbers of essential points differ; 0 if both diagrams are empty.

    Raises:
        ValueError: A diagram is not (n, 2), holds NaN or an infinite birth; deaths of both signs are infinite; or the
            diagrams are of different dimensions, or pairs of several.

    References:
        D. Cohen-Steiner, H. Edelsbrunner, J. Harer, "Stability of persistence diagrams", Discrete & Computational
        Geometry 37, 2007: it is no larger than the largest difference of the images.

    Example:
        >>> import torch
        >>> first = torch.tensor([[0.9, 0.1], [0.5, 0.25]], requires_grad=True)
        >>> distance = bottleneck_distance(first, torch.tensor([[1.0, 0.0]]))
        >>> distance  # that of the second point from the diagonal
        tensor(0.1250, grad_fn=<AmaxBackward0>)
        >>> distance.backward()
        >>> first.grad
        tensor([[ 0.0000,  0.0000],
                [ 0.5000, -0.5000]])
    """
    ways = _Ways(first, second)
    matching = ways.match(match_bottleneck)
    if matching is None:
        return ways.infinite()
    between, to_diagonal = ways.along(matching)
    return torch.cat([between.abs().flatten(), 0.5 * to_diagonal.abs(), ways.zero()]).amax().to(ways.dtype)


def wasserstein_distance(
    first: DiagramLike, second: DiagramLike, *, order: float = 2.0, internal_p: float = 2.0
) -> torch.Tensor:
    """The Wasserstein distance of two persistence diagrams, exact: the root of the summed powers of all ways.

    A point goes to its partner or to the diagonal; essential points are matched with one another in the order of
    their births. The gradient is that of the ways of the best matching. Where the distance is 0, so is its gradient.

    Args:
        first: A ``PersistenceDiagram`` or ``SimplicialDiagram``, ``PersistencePairs`` of one dimension, or an (n, 2)
            tensor or array of births and deaths.
        second: The same, of the same filtration; tensors are on one device.
        order: The power of the ways and the root of their sum, in [1, inf).
        internal_p: The norm of the plane in which ways are measured, in [1, inf]. The literature also uses ``inf``.

    Returns:
        The distance as a scalar tensor of the inputs' dtype (float64 for arrays and integers); ``inf``, without
        gradient, if the numbers of essential points differ; 0 if both diagrams are empty.

    Raises:
        ValueError: An exponent is out of its range; a diagram is not (n, 2), holds NaN or an infinite birth; deaths of
            both signs are infinite; or the diagrams are of different dimensions, or pairs of several.

    References:
        D. Cohen-Steiner, H. Edelsbrunner, J. Harer, Y. Mileyko, "Lipschitz functions have L_p-stable persistence",
        Foundations of Computational Mathematics 10, 2010. M. Kerber, D. Morozov, A. Nigmetov, "Geometry helps to
        compare persistence diagrams", ACM Journal of Experimental Algorithmics 22, 2017.

    Example:
        >>> import torch
        >>> first = torch.tensor([[0.5, 0.0], [0.75, 0.25]], requires_grad=True)
        >>> distance = wasserstein_distance(first, torch.tensor([[0.75, 0.0]]), order=1.0, internal_p=torch.inf)
        >>> distance  # 0.25 between the first points, 0.25 to the diagonal
        tensor(0.5000, grad_fn=<...>)
        >>> distance.backward()
        >>> first.grad
        tensor([[-1.0000,  0.0000],
                [ 0.5000, -0.5000]])
    """
    cost = GroundCost(order, internal_p)
    ways = _Ways(first, second)
    matching = ways.match(lambda one, other: match_wasserstein(one, other, order=order, internal_p=internal_p))
    if matching is None:
        return ways.infinite()
    between, to_diagonal = ways.along(matching)
    # Norms and roots have no derivative at 0: ways of no length add nothing, and their gradient is 0.
    moved = between[(between != 0).any(dim=1)]
    away = to_diagonal[to_diagonal != 0]
    lengths = [torch.linalg.vector_norm(moved, internal_p, dim=1), cost.diagonal_factor * away.abs()]
    total = (torch.cat(lengths) ** order).sum() + ways.zero().sum()
    return (total if total == 0 else total ** (1 / order)).to(ways.dtype)


class _Ways:
    """The ways that the points of two diagrams may go."""

    def __init__(self, first: DiagramLike, second: DiagramLike) -> None:
        dimensions = _dimension(first), _dimension(second)
        if None not in dimensions and dimensions[0] != dimensions[1]:
            raise InputError(f"the diagrams are of dimensions {dimensions[0]} and {dimensions[1]}, expected the same.")
        given = _as_tensor(first), _as_tensor(second)
        # An array goes where the other diagram is.
        device = given[0 if isinstance(first, Diagram | torch.Tensor) else 1].device
        given = given[0].to(device), given[1] if isinstance(second, Diagram | torch.Tensor) else given[1].to(device)
        self.dtype = torch.promote_types(given[0].dtype, given[1].dtype)
        # Powers and sums of half precision are taken in single precision.
        self._first, self._second = (p.to(torch.promote_types(self.dtype, torch.float32)) for p in given)

    def match(self, matcher: Callable[[FloatArray, FloatArray], Matching]) -> Matching | None:
        """The matching, or None if the distance is infinite."""
        arrays = [points.detach().cpu().double().numpy() for points in (self._first, self._second)]
        essential = [len(points.essential_indices) for points in diagram_points(*arrays)]
        return matcher(arrays[0], arrays[1]) if essential[0] == essential[1] else None

    def along(self, matching: Matching) -> tuple[torch.Tensor, torch.Tensor]:
        """What a matching moves: (k, 2) from point to partner, and (l,) the persistence that goes to the diagonal."""
        kept = [_rest(self._first, matching[0]), _rest(self._second, matching[1])]
        i, j = (torch.from_numpy(indices).to(self._first.device) for indices in matching)
        starts, ends = self._first[i], self._second[j]
        finite = torch.isfinite(starts)
        # Essential points differ in their births alone.
        between = torch.where(finite, starts, 0.0) - torch.where(finite, ends, 0.0)
        return between, torch.cat([points[:, 0] - points[:, 1] for points in kept])

    def zero(self) -> torch.Tensor:
        """(1,) zero, without gradient: the length of no way."""
        return self._first.new_zeros(1)

    def infinite(self) -> torch.Tensor:
        """The distance of diagrams that have no matching."""
        return torch.full((), torch.inf, dtype=self.dtype, device=self._first.device)


def _dimension(diagram: DiagramLike) -> int | None:
    """The dimension of a diagram, None where it is not known."""
    if isinstance(diagram, PersistencePairs):
        dimensions = np.unique(diagram.dimensions).tolist()
        if len(dimensions) > 1:
            raise InputError(f"the pairs are of dimensions {dimensions}, expected those `of_dimension` of one.")
        return dimensions[0] if dimensions else None
    return diagram.dimension if isinstance(diagram, Diagram) else None


def _as_tensor(diagram: DiagramLike) -> torch.Tensor:
    if isinstance(diagram, torch.Tensor):
        points = diagram.as_subclass(torch.Tensor)
    elif isinstance(diagram, Diagram):
        points = torch.stack([diagram.births, diagram.deaths], dim=1)
    elif isinstance(diagram, PersistencePairs):
        points = torch.from_numpy(np.stack([diagram.births, diagram.deaths], axis=1))
    else:
        points = torch.from_numpy(np.asarray(diagram, dtype=np.float64))
    if points.numel() == 0:
        points = points.reshape(0, 2)
    return points if points.is_floating_point() else points.double()


def _rest(points: torch.Tensor, matched: NDArray[np.intp]) -> torch.Tensor:
    chosen = torch.ones(len(points), dtype=torch.bool)
    chosen[torch.from_numpy(matched)] = False
    return points[chosen.to(points.device)]
