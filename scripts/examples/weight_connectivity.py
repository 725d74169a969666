"""A network that falls into as many independent parts as the topology of its weights is asked to have.

Two questions are to be answered at once: do the first two inputs have the same sign, and do the last two? A dense
network mixes them. Its weights are a graph, filtered from strong to weak, and the persistence of its components says at
which weight the parts of the two outputs meet. Descent on that value, beside the task, keeps them apart:

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
THRESHOLD = 0.1  # of weights that count as connections
SPARSITY, CONNECTIVITY = 1e-3, 0.1  # weights of the losses beside the task's


# The task and the network


def samples(count: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs (count, 4) and, for each half of them, whether their signs are the same, (count, 2)."""
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
    """The numbers of the neurons of each layer."""
    return np.split(np.arange(sum(WIDTHS)), np.cumsum(WIDTHS)[:-1])


def connections() -> npt.NDArray[np.int64]:
    """The edges (m, 2) between neurons, in the order of the weights."""
    pairs = [np.stack(np.meshgrid(a, b), axis=-1) for a, b in pairwise(neurons())]
    return np.concatenate([layer.reshape(-1, 2) for layer in pairs])


def strengths(network: nn.Module) -> torch.Tensor:
    """The absolute weights (m,) of all connections."""
    return torch.cat([weight.abs().flatten() for name, weight in network.named_parameters() if "weight" in name])


def components_of_weights(weights: torch.Tensor) -> SimplicialDiagram:
    """The components of the graph filtered from strong to weak connections, with gradients to the weights.

    A neuron enters with its strongest connection, so that one without any is no component; the outputs are there from
    the beginning, so that their parts are the ones with the longest bars.
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
    """Lets the parts with the longest bars meet at weight 0, and all others join one of them where they begin."""
    births, deaths = diagram.births[~diagram.essential], diagram.deaths[~diagram.essential]
    longest_first = (births - deaths).argsort(descending=True)
    apart, together = longest_first[: components - 1], longest_first[components - 1 :]
    return deaths[apart].sum() + (births[together] - deaths[together]).sum()


# Training


def train(steps: int, connectivity: float) -> nn.Sequential:
    """A network for the task; the topology of its weights counts after a third of the steps."""
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
    """A trained network without its weak connections."""

    title: str
    accuracy: float
    edges: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float32]
    part: npt.NDArray[np.int64]

    @property
    def components(self) -> int:
        """Parts with at least one connection."""
        return int((np.bincount(self.part) > 1).sum())


def prune(title: str, network: nn.Sequential) -> Outcome:
    """Takes away the connections up to the threshold, and finds the parts that are left."""
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
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    place = np.concatenate(
        [np.stack([np.full(len(n), k), (np.arange(len(n)) + 0.5) / len(n)], axis=1) for k, n in enumerate(neurons())]
    )
    for axes, outcome in zip(figure.subplots(1, len(outcomes)), outcomes, strict=True):
        first, last = outcome.part[neurons()[-1]]
        colour = np.where(outcome.part == first, "tab:blue", np.where(outcome.part == last, "tab:orange", "lightgrey"))
        for (i, j), weight in zip(outcome.edges, outcome.weights, strict=True):
            axes.plot(*place[[i, j]].T, color=colour[i], linewidth=min(2 * weight, 3), zorder=1)
        axes.scatter(*place.T, c=colour, s=45, edgecolors="black", linewidths=0.5, zorder=2)
        axes.set_title(f"{outcome.title}: {parts(outcome)}, accuracy {outcome.accuracy:.3f}", fontsize=10)
        axes.set_axis_off()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def parts(outcome: Outcome) -> str:
    return f"{outcome.components} part" + ("s" if outcome.components > 1 else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--out", type=Path, default=Path("runs/weight_connectivity.png"), help="the picture")
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
            f"{len(outcome.edges)} connections in {parts(outcome)} ({time.perf_counter() - start:.0f} s)"
        )
        inputs, outputs = outcome.part[neurons()[0]].tolist(), outcome.part[neurons()[-1]].tolist()
        print(f"  part of each input: {inputs}, of each output: {outputs}")
    draw(outcomes, arguments.out)
    print(arguments.out)


if __name__ == "__main__":
    main()
