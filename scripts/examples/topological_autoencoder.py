"""An autoencoder whose latent space has prescribed loops.

Points of a circle and of a torus lie in 20 dimensions. An autoencoder finds latent coordinates from which it can
reconstruct them, but the latent points may lose the shape of the data. So a second term is added to the reconstruction
error: the distance between the diagram of loops of the latent points (Vietoris-Rips) and a prescribed diagram of one
bar (circle) or two bars (torus). The latent points then have these loops and no others:

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
TOPOLOGY = 0.1  # weight of the distance between diagrams
LOOPS = 1  # the dimension of loops


@dataclass(frozen=True)
class Problem:
    """Points that depend on ``loops`` angles, and ``latent`` coordinates to encode them.

    ``bar`` is the prescribed birth and death of each loop of the latent points. Points on a unit circle close a loop at
    about the distance of neighbours. The loop is filled at the side of the circle's equilateral triangle.
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
    """Returns angles ``(count, loops)`` and points ``(count, 20)``: mixed harmonics of the angles, with noise."""
    generator = torch.Generator().manual_seed(0)
    angles = 2 * torch.pi * torch.rand(count, problem.loops, generator=generator)
    harmonics = torch.cat([wave(k * angles) for k in problem.frequencies for wave in (torch.cos, torch.sin)], dim=1)
    mixing = torch.randn(harmonics.shape[1], DIMENSIONS, generator=generator) / harmonics.shape[1] ** 0.5
    return angles, harmonics @ mixing + NOISE * torch.randn(count, DIMENSIONS, generator=generator)


class Autoencoder(nn.Module):
    """Two perceptrons, the encoder and the decoder; the latent points have radius 1 for each loop."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.encode = perceptron(DIMENSIONS, 64, 32, problem.latent)
        self.decode = perceptron(problem.latent, 32, 64, DIMENSIONS)
        self.size = problem.loops

    def coordinates(self, points: torch.Tensor) -> torch.Tensor:
        """Returns the latent points, with mean 0 and a fixed mean square, so that only their shape can change."""
        latent = self.encode(points)
        latent = latent - latent.mean(dim=0)
        return latent * (self.size / latent.pow(2).sum(dim=1).mean()).sqrt()


def perceptron(*widths: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for k in range(len(widths) - 1):
        layers += [nn.Linear(widths[k], widths[k + 1]), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def loops_of(latent: torch.Tensor) -> SimplicialDiagram:
    """Returns the diagram of loops of the Rips complex; births and deaths are distances of latent points."""
    return rips_persistence(latent, max_dimension=LOOPS)[LOOPS]


def train(problem: Problem, topology: float) -> Autoencoder:
    """Trains an autoencoder; ``topology`` is the weight of the distance between diagrams, computed for each batch."""
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
    """The latent points and the reconstruction error of a trained autoencoder on 400 points."""

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
    """Applies a trained autoencoder to 400 of the points."""
    angles, points = points_of(problem)
    angles, points = angles[:400], points[:400]
    latent = network.coordinates(points)
    error = (network.decode(latent) - points).square().mean() / points.var()
    loops = loops_of(latent)
    return Outcome(title, angles[:, 0], latent, torch.stack([loops.births, loops.deaths], dim=1), error.item())


def draw(rows: list[tuple[Problem, list[Outcome]]], path: Path) -> None:
    """Draws, for each problem, the latent points of both trainings, coloured by angle, and their diagrams."""
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
    parser.add_argument("--out", type=Path, default=Path("runs/topological_autoencoder.png"), help="picture to write")
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
