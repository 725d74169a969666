"""A network whose weights split into a prescribed number of components.

The network answers two questions: do the first two inputs have the same sign, and do the last two? The weights of a
dense network connect all of them. The neurons and weights are a graph, filtered from strong to weak weights. The
persistence of its components gives the weight at which the components of the two outputs are connected. Descent on that
value, in addition to the loss of the task, separates them:

    python scripts/examples/weight_connectivity.py
    python scripts/examples/weight_connectivity.py --out runs/weights.png
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import nn

from segtopo.persistence import SimplicialDiagram, filtered_complex_persistence

WIDTHS = (4, 16, 16, 2)
COMPONENTS = 2
THRESHOLD = 0.1  # weights above it are connections
SPARSITY, CONNECTIVITY = 1e-3, 0.1  # factors of the losses that are added to the loss of the task


# The task and the network


def samples(count: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns inputs ``(count, 4)`` and labels ``(count, 2)``: whether each half of the inputs has equal signs."""
    inputs = 2 * torch.rand(count, 4, generator=generator) - 1
    return inputs, (inputs[:, ::2] * inputs[:, 1::2] > 0).float()


def perceptron() -> nn.Sequential:
    layers: list[nn.Module] = []
    for width, following in pairwise(WIDTHS):
        layers += [nn.Linear(width, following), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def accuracy(network: nn.Module) -> float:
    inputs, labels = samples(4000, torch.Generator().manual_seed(1))
    with torch.no_grad():
        return ((network(inputs) > 0) == (labels > 0)).float().mean().item()


# The graph of its weights


def neurons() -> list[npt.NDArray[np.int64]]:
    """Returns the numbers of the neurons of each layer."""
    return np.split(np.arange(sum(WIDTHS)), np.cumsum(WIDTHS)[:-1])


def connections() -> npt.NDArray[np.int64]:
    """Returns the edges ``(m, 2)`` between neurons, in the order of the weights."""
    pairs = [np.stack(np.meshgrid(a, b), axis=-1) for a, b in pairwise(neurons())]
    return np.concatenate([layer.reshape(-1, 2) for layer in pairs])


def strengths(network: nn.Module) -> torch.Tensor:
    """Returns the absolute weights ``(m,)`` of all connections."""
    return torch.cat([weight.abs().flatten() for name, weight in network.named_parameters() if "weight" in name])


def components_of_weights(weights: torch.Tensor) -> SimplicialDiagram:
    """Returns the components of the graph, filtered from strong to weak connections, with gradients to the weights.

    A neuron enters with its strongest connection, so an isolated neuron is no component. The outputs enter first, so
    their components have the longest bars.
    """
    edges = torch.from_numpy(connections())
    ends = edges.T.reshape(-1)
    strongest = torch.zeros(sum(WIDTHS)).scatter_reduce(0, ends, weights.repeat(2), "amax")
    is_output = torch.isin(torch.arange(sum(WIDTHS)), torch.from_numpy(neurons()[-1]))
    entries = torch.where(is_output, weights.detach().max() + 1, strongest)
    vertices = np.arange(sum(WIDTHS))[:, None]
    values = torch.cat([entries, weights])
    return filtered_complex_persistence([vertices, connections()], values, filtration="superlevel")[0]


def connectivity_loss(diagram: SimplicialDiagram, components: int) -> torch.Tensor:
    """Separates the components with the longest bars, and shortens all other bars to 0."""
    births, deaths = diagram.births[~diagram.essential], diagram.deaths[~diagram.essential]
    longest_first = (births - deaths).argsort(descending=True)
    separated, shortened = longest_first[: components - 1], longest_first[components - 1 :]
    return deaths[separated].sum() + (births[shortened] - deaths[shortened]).sum()


# Training


def train(steps: int, connectivity: float) -> nn.Sequential:
    """Trains a network; the loss of the connectivity is added after a third of the steps."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    network = perceptron()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, steps)
    for step in range(steps):
        inputs, labels = samples(256, generator)
        weights = strengths(network)
        loss = F.binary_cross_entropy_with_logits(network(inputs), labels) + SPARSITY * weights.sum()
        if connectivity and step >= steps // 3:
            loss = loss + connectivity * connectivity_loss(components_of_weights(weights), COMPONENTS)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network


@dataclass(frozen=True)
class Outcome:
    """A trained network without its weak connections; ``component`` is the number of each neuron's component."""

    title: str
    accuracy: float
    edges: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float32]
    component: npt.NDArray[np.int64]

    @property
    def components(self) -> int:
        """The number of components with at least one connection."""
        return int((np.bincount(self.component) > 1).sum())


def prune(title: str, network: nn.Sequential) -> Outcome:
    """Removes the connections up to the threshold, and labels the components of the graph."""
    with torch.no_grad():
        for layer in network:
            if isinstance(layer, nn.Linear):
                layer.weight[layer.weight.abs() <= THRESHOLD] = 0.0
        weights = strengths(network).numpy()
    kept = weights > 0
    edges, count = connections()[kept], sum(WIDTHS)
    graph = coo_array((np.ones(len(edges)), edges.T), shape=(count, count))
    return Outcome(title, accuracy(network), edges, weights[kept], connected_components(graph, directed=False)[1])


def draw(outcomes: list[Outcome], path: Path) -> None:
    """Draws the graph of each network, coloured by the component of the outputs."""
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    place = np.concatenate(
        [np.stack([np.full(len(n), k), (np.arange(len(n)) + 0.5) / len(n)], axis=1) for k, n in enumerate(neurons())]
    )
    for axes, outcome in zip(figure.subplots(1, len(outcomes)), outcomes, strict=True):
        first, last = outcome.component[neurons()[-1]]
        colour = np.where(
            outcome.component == first, "tab:blue", np.where(outcome.component == last, "tab:orange", "lightgrey")
        )
        for (i, j), weight in zip(outcome.edges, outcome.weights, strict=True):
            axes.plot(*place[[i, j]].T, color=colour[i], linewidth=min(2 * weight, 3), zorder=1)
        axes.scatter(*place.T, c=colour, s=45, edgecolors="black", linewidths=0.5, zorder=2)
        axes.set_title(f"{outcome.title}: {described(outcome)}, accuracy {outcome.accuracy:.3f}", fontsize=10)
        axes.set_axis_off()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def described(outcome: Outcome) -> str:
    return f"{outcome.components} component" + ("s" if outcome.components > 1 else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--out", type=Path, default=Path("runs/weight_connectivity.png"), help="picture to write")
    arguments = parser.parse_args()
    outcomes = []
    for title, connectivity in (("task alone", 0.0), ("with connectivity", CONNECTIVITY)):
        start = time.perf_counter()
        network = train(arguments.steps, connectivity)
        before = accuracy(network)
        outcome = prune(title, network)
        outcomes.append(outcome)
        print(
            f"{title}: accuracy {before:.3f}; without the weights up to {THRESHOLD} {outcome.accuracy:.3f}, "
            f"{len(outcome.edges)} connections in {described(outcome)} ({time.perf_counter() - start:.0f} s)"
        )
        inputs, outputs = outcome.component[neurons()[0]].tolist(), outcome.component[neurons()[-1]].tolist()
        print(f"  component of each input: {inputs}, of each output: {outputs}")
    draw(outcomes, arguments.out)
    print(arguments.out)


if __name__ == "__main__":
    main()
