"""Distances of persistence diagrams, differentiable in both diagrams through the optimal matching."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from segtopo.errors import InputError, mismatch
from segtopo.matching.bottleneck_matching import match_bottleneck_points
from segtopo.matching.diagram_points import Matching, diagram_points
from segtopo.matching.ground_cost import GroundCost
from segtopo.matching.wasserstein_matching import match_wasserstein_points
from segtopo.persistence import Diagram, PersistencePairs
from segtopo.persistence.inputs import as_dense_tensor, as_tensor_and_array
from segtopo.persistence.row_norms import row_norms

DiagramLike: TypeAlias = Diagram | PersistencePairs | torch.Tensor | ArrayLike


def bottleneck_distance(first: DiagramLike, second: DiagramLike) -> torch.Tensor:
    """Computes the exact bottleneck distance of two persistence diagrams: the largest distance in the best matching.

    Distances are those of the maximum norm. Unmatched points count with their distance from the diagonal. Essential
    points are matched with one another in the order of their births. The gradient reaches the matched pair or the
    unmatched point whose distance is the largest; if several are, they share it.

    Args:
        first: A ``PersistenceDiagram`` or ``SimplicialDiagram``, ``PersistencePairs`` of one dimension, or a tensor or
            array ``(n, 2)`` of births and deaths.
        second: The same, of the same filtration. Two tensors must be on the same device.

    Returns:
        The distance as a scalar tensor of the inputs' dtype (float64 for arrays and integers). It is ``inf``, without
        gradient, if the numbers of essential points differ, and 0 if both diagrams are empty.

    Raises:
        InputError: A diagram is not ``(n, 2)``, or holds NaN or an infinite birth; deaths are infinite with both
            signs; the dimensions of the diagrams differ; pairs are of several dimensions; or the devices differ.
        TypeError: A diagram is not made of real numbers.

    References:
        D. Cohen-Steiner, H. Edelsbrunner, J. Harer, "Stability of persistence diagrams", Discrete & Computational
        Geometry 37, 2007. They prove that the distance is at most the largest difference of the images.

    Example:
        >>> import torch
        >>> first = torch.tensor([[0.9, 0.1], [0.5, 0.25]], requires_grad=True)
        >>> distance = bottleneck_distance(first, torch.tensor([[1.0, 0.0]]))
        >>> distance  # the distance of the second point from the diagonal
        tensor(0.1250, grad_fn=<AmaxBackward0>)
        >>> distance.backward()
        >>> first.grad
        tensor([[ 0.0000,  0.0000],
                [ 0.5000, -0.5000]])
    """
    pair = _DiagramPair(first, second)
    if not pair.has_matching:
        return pair.infinity()
    matching = match_bottleneck_points(*pair.points)
    distances = [pair.differences(matching).abs().flatten(), pair.half_persistence_of_unmatched(matching)]
    return torch.cat([*distances, pair.zero()]).amax().to(pair.dtype)


def wasserstein_distance(
    first: DiagramLike, second: DiagramLike, *, order: float = 2.0, internal_p: float = 2.0
) -> torch.Tensor:
    """Computes the exact Wasserstein distance of two persistence diagrams.

    It is the ``order``-th root of the summed powers of distances in the best matching. Unmatched points count with
    their distance from the diagonal. Essential points are matched with one another in the order of their births. The
    gradient is that of the best matching. If the distance is 0, its gradient is 0.

    Args:
        first: A ``PersistenceDiagram`` or ``SimplicialDiagram``, ``PersistencePairs`` of one dimension, or a tensor or
            array ``(n, 2)`` of births and deaths.
        second: The same, of the same filtration. Two tensors must be on the same device.
        order: Power of the distances and root of their sum, in [1, inf).
        internal_p: Norm of the plane in which distances are measured, in [1, inf]. The literature also uses ``inf``.

    Returns:
        The distance as a scalar tensor of the inputs' dtype (float64 for arrays and integers). It is ``inf``, without
        gradient, if the numbers of essential points differ, and 0 if both diagrams are empty.

    Raises:
        InputError: An exponent is out of its range; a diagram is not ``(n, 2)``, or holds NaN or an infinite birth;
            deaths are infinite with both signs; the dimensions of the diagrams differ; pairs are of several
            dimensions; or the devices differ.
        TypeError: A diagram is not made of real numbers, or an exponent is not a number.

    References:
        D. Cohen-Steiner, H. Edelsbrunner, J. Harer, Y. Mileyko, "Lipschitz functions have L_p-stable persistence",
        Foundations of Computational Mathematics 10, 2010. M. Kerber, D. Morozov, A. Nigmetov, "Geometry helps to
        compare persistence diagrams", ACM Journal of Experimental Algorithmics 22, 2017.

    Example:
        >>> import torch
        >>> first = torch.tensor([[0.5, 0.0], [0.75, 0.25]], requires_grad=True)
        >>> distance = wasserstein_distance(first, torch.tensor([[0.75, 0.0]]), order=1.0, internal_p=torch.inf)
        >>> distance  # 0.25 between the first points, 0.25 for the unmatched point
        tensor(0.5000, grad_fn=<...>)
        >>> distance.backward()
        >>> first.grad
        tensor([[-1.0000,  0.0000],
                [ 0.5000, -0.5000]])
    """
    cost = GroundCost(order, internal_p)
    pair = _DiagramPair(first, second)
    if not pair.has_matching:
        return pair.infinity()
    matching = match_wasserstein_points(*pair.points, order=order, internal_p=internal_p)
    half_persistence = pair.half_persistence_of_unmatched(matching)
    between = row_norms(pair.differences(matching), cost.internal_p)
    distances = torch.cat([between, 2 * cost.diagonal_factor * half_persistence])
    # Roots have no derivative at 0, so distances of 0 are left out and get the gradient 0.
    return row_norms(distances[distances != 0][None], cost.order)[0].to(pair.dtype)


class _DiagramPair:
    """Two diagrams as tensors of one dtype and device, and as checked points."""

    def __init__(self, first: DiagramLike, second: DiagramLike) -> None:
        dimensions = _dimension(first, "first"), _dimension(second, "second")
        if None not in dimensions and dimensions[0] != dimensions[1]:
            raise InputError(
                mismatch("diagrams", got=f"dimensions {dimensions[0]} and {dimensions[1]}", expected="the same")
            )
        (one, array), (other, other_array) = _as_points(first, "first"), _as_points(second, "second")
        self.points = diagram_points(array, other_array)
        # An array follows the other diagram to its device.
        one = one if isinstance(first, Diagram | torch.Tensor) else one.to(other.device)
        other = other if isinstance(second, Diagram | torch.Tensor) else other.to(one.device)
        if one.device != other.device:
            raise InputError(
                mismatch("second", got=f"device {other.device}", expected=f"the device {one.device} of first")
            )
        self.dtype = torch.promote_types(one.dtype, other.dtype)
        # Powers and sums of half precision are computed in single precision.
        precision = torch.promote_types(self.dtype, torch.float32)
        self._tensors = one.reshape(-1, 2).to(precision), other.reshape(-1, 2).to(precision)

    @property
    def has_matching(self) -> bool:
        """True if both diagrams have the same number of essential points."""
        return bool(self.points[0].essential.sum() == self.points[1].essential.sum())

    def differences(self, matching: Matching) -> torch.Tensor:
        """Computes the differences ``(k, 2)`` of matched points; essential points differ in their births only."""
        i, j = (torch.from_numpy(index).to(self._tensors[0].device) for index in matching)
        starts, ends = self._tensors[0][i], self._tensors[1][j]
        if not self.points[0].essential.any():
            return starts - ends
        is_finite = torch.isfinite(starts)
        return torch.where(is_finite, starts, 0.0) - torch.where(is_finite, ends, 0.0)

    def half_persistence_of_unmatched(self, matching: Matching) -> torch.Tensor:
        """Computes half the persistence ``(l,)`` of unmatched points, their distance from the diagonal.

        Values are halved before they are subtracted, because the difference of two large floats may overflow.
        """
        unmatched = [_rest(tensor, index) for tensor, index in zip(self._tensors, matching, strict=True)]
        halves: torch.Tensor = 0.5 * torch.cat(unmatched)
        return (halves[:, 0] - halves[:, 1]).abs()

    def zero(self) -> torch.Tensor:
        """Returns ``(1,)`` zero without gradient, the distance of empty diagrams."""
        return self._tensors[0].new_zeros(1)

    def infinity(self) -> torch.Tensor:
        """Returns the distance of diagrams without a matching."""
        return torch.full((), torch.inf, dtype=self.dtype, device=self._tensors[0].device)


def _dimension(diagram: DiagramLike, name: str) -> int | None:
    """Returns the dimension of a diagram, None if it is not known."""
    if isinstance(diagram, PersistencePairs):
        dimensions = np.unique(diagram.dimensions).tolist()
        if len(dimensions) > 1:
            got = f"pairs of dimensions {dimensions}"
            raise InputError(mismatch(name, got=got, expected="one dimension, as `of_dimension` selects"))
        return dimensions[0] if dimensions else None
    return diagram.dimension if isinstance(diagram, Diagram) else None


def _as_points(diagram: DiagramLike, name: str) -> tuple[torch.Tensor, NDArray[np.floating[Any]]]:
    """Converts a diagram to a floating tensor that keeps its gradient, and to an array of the same values."""
    if isinstance(diagram, Diagram):
        columns = [as_dense_tensor(values, name) for values in (diagram.births, diagram.deaths)]
        return as_tensor_and_array(torch.stack(columns, dim=1), name)
    if isinstance(diagram, PersistencePairs):
        return as_tensor_and_array(np.stack([diagram.births, diagram.deaths], axis=1), name)
    tensor, array = as_tensor_and_array(diagram, name)
    return tensor if isinstance(diagram, torch.Tensor) else tensor.double(), array


def _rest(points: torch.Tensor, matched: NDArray[np.intp]) -> torch.Tensor:
    """Returns the points whose indices are not among those given."""
    is_unmatched = np.ones(len(points), dtype=np.bool_)
    is_unmatched[matched] = False
    return points[torch.from_numpy(np.flatnonzero(is_unmatched)).to(points.device)]
