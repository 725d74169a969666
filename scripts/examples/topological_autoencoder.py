"""An autoencoder whose latent space has the loops that it is told to have.

Points of a circle and of a torus lie in 20 dimensions. An autoencoder finds coordinates from which it can restore
them, but nothing keeps these from being crumpled. Beside the reconstruction, the distance of the latent points' Rips
diagram of loops from a prescribed one, of one bar or of two, gives the latent space these loops and no others:

    python scripts/examples/topological_autoencoder.py
    python scripts/examples/topological_autoencoder.py --out runs/latent.png
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import nn

from segtopo.matching import wasserstein_distance
from segtopo.persistence import SimplicialDiagram, rips_persistence

DIMENSIONS, NOISE = 20, 0.05
TOPOLOGY = 0.1  # weight of the diagram's distance
LOOPS = 1  # the dimension of loops


@dataclass(frozen=True)
class Problem:
    """Points with ``loops`` angles, to be encoded in ``latent`` coordinates.

    ``bar`` is birth and death of each loop that the latent space is to have: the distance at which the points of a unit
    circle are joined all around, and that at which the circle is filled, the side of its equilateral triangle.
    """

    name: str
    loops: int
    frequencies: tuple[int, ...]
    latent: int
    bar: tuple[float, float]
    batch: int
    steps: int


PROBLEMS = (
    Problem("circle", 1, (1, 2, 3), latent=2, bar=(0.25, 3**0.5), batch=150, steps=2500),
    Problem("torus", 2, (1, 2), latent=3, bar=(0.6, 3**0.5), batch=250, steps=2000),
)


def points_of(problem: Problem, count: int = 2000) -> tuple[torch.Tensor, torch.Tensor]:
    """Angles (count, loops) and points (count, 20): mixed harmonics of the angles, with noise."""
    generator = torch.Generator().manual_seed(0)
    angles = 2 * torch.pi * torch.rand(count, problem.loops, generator=generator)
    harmonics = torch.cat([wave(k * angles) for k in problem.frequencies for wave in (torch.cos, torch.sin)], dim=1)
    mixing = torch.randn(harmonics.shape[1], DIMENSIONS, generator=generator) / harmonics.shape[1] ** 0.5
    return angles, harmonics @ mixing + NOISE * torch.randn(count, DIMENSIONS, generator=generator)


class Autoencoder(nn.Module):
    """Two perceptrons with ``latent`` coordinates between them, of radius 1 for each loop."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.encode = perceptron(DIMENSIONS, 64, 32, problem.latent)
        self.decode = perceptron(problem.latent, 32, 64, DIMENSIONS)
        self.size = problem.loops

    def coordinates(self, points: torch.Tensor) -> torch.Tensor:
        """The latent points, centred and of one size: what is left is their shape."""
        latent = self.encode(points)
        latent = latent - latent.mean(dim=0)
        return latent * (self.size / latent.pow(2).sum(dim=1).mean()).sqrt()


def perceptron(*widths: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for k in range(len(widths) - 1):
        layers += [nn.Linear(widths[k], widths[k + 1]), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def loops_of(latent: torch.Tensor) -> SimplicialDiagram:
    """The loops of the Rips complex, born and filled at distances of latent points."""
    return rips_persistence(latent, max_dimension=LOOPS)[LOOPS]


def train(problem: Problem, topology: float) -> Autoencoder:
    """An autoencoder for the problem's points; the diagram of every batch is drawn to the prescribed one."""
    torch.manual_seed(0)
    _, points = points_of(problem)
    prescribed = torch.tensor([problem.bar] * problem.loops)
    network = Autoencoder(problem)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(problem.steps):
        batch = points[torch.randint(len(points), (problem.batch,))]
        latent = network.coordinates(batch)
        loss = (network.decode(latent) - batch).square().mean()
        if topology:
            loss = loss + topology * wasserstein_distance(loops_of(latent), prescribed) ** 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


@dataclass(frozen=True)
class Outcome:
    """What a trained autoencoder makes of 400 of the points."""

    title: str
    angle: torch.Tensor
    latent: torch.Tensor
    diagram: torch.Tensor
    error: float

    @property
    def lengths(self) -> list[float]:
        """The lengths of the three longest loops."""
        lengths: list[float] = (self.diagram[:, 1] - self.diagram[:, 0]).sort(descending=True).values[:3].tolist()
        return lengths


@torch.no_grad()
def judge(problem: Problem, title: str, network: Autoencoder) -> Outcome:
    angles, points = points_of(problem)
    angles, points = angles[:400], points[:400]
    latent = network.coordinates(points)
    error = (network.decode(latent) - points).square().mean() / points.var()
    loops = loops_of(latent)
    return Outcome(title, angles[:, 0], latent, torch.stack([loops.births, loops.deaths], dim=1), error.item())


def draw(rows: list[tuple[Problem, list[Outcome]]], path: Path) -> None:
    """For each problem the latent points of either training, coloured by angle, and the diagrams of both."""
    figure = Figure(figsize=(10, 3.4 * len(rows)), layout="constrained")
    for row, (problem, outcomes) in enumerate(rows):
        for column, outcome in enumerate(outcomes):
            place = (len(rows), len(outcomes) + 1, row * (len(outcomes) + 1) + column + 1)
            axes = figure.add_subplot(*place, projection="3d" if problem.latent == 3 else None)
            axes.scatter(*outcome.latent.T.numpy(), c=outcome.angle.numpy(), cmap="twilight", s=12)
            axes.set_title(f"{problem.name}, {outcome.title}\n{described(outcome)}", fontsize="medium")
            axes.set_aspect("equal")
            axes.tick_params(labelleft=False, labelbottom=False)
        axes = figure.add_subplot(len(rows), len(outcomes) + 1, (row + 1) * (len(outcomes) + 1))
        for outcome, marker in zip(outcomes, ("x", "o"), strict=True):
            axes.scatter(*outcome.diagram.T.numpy(), marker=marker, s=22, label=outcome.title, alpha=0.7)
        axes.scatter(*problem.bar, marker="*", s=120, color="black", label="prescribed", zorder=0)
        axes.plot([0, 2], [0, 2], color="grey", linewidth=0.8)
        axes.set(xlabel="birth", ylabel="death", title="latent loops")
        axes.legend(fontsize="small", loc="lower right")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def described(outcome: Outcome) -> str:
    return "longest loops " + ", ".join(f"{length:.2f}" for length in outcome.lengths)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/topological_autoencoder.png"), help="the picture")
    out = parser.parse_args().out
    rows = []
    for problem in PROBLEMS:
        outcomes = []
        for title, topology in (("reconstruction alone", 0.0), ("with the diagram", TOPOLOGY)):
            start = time.perf_counter()
            outcome = judge(problem, title, train(problem, topology))
            seconds = time.perf_counter() - start
            print(f"{problem.name}, {title}: {described(outcome)}; error {outcome.error:.3f} ({seconds:.0f} s)")
            outcomes.append(outcome)
        rows.append((problem, outcomes))
    draw(rows, out)
    print(out)


if __name__ == "__main__":
    main()
