"""The command line: every way into segtopo that needs no Python."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from segtopo.errors import InputError

if TYPE_CHECKING:
    import numpy.typing as npt

    from segtopo.evaluation import Evaluation
    from segtopo.persistence import PersistencePairs

EXAMPLES = {
    "train": "segtopo train configs/vessels2d.yaml epochs=2 out=runs/example",
    "predict": "segtopo predict runs/example/best.pt data_samples/vessels2d/test/images --out runs/example/masks",
    "evaluate": "segtopo evaluate runs/example/masks data_samples/vessels2d/test/labels --out runs/example/report",
    "persistence": "segtopo persistence data_samples/vessels2d/test/images/vessels_00.png --out runs/example/pairs.csv",
    "phantom": "segtopo phantom --out runs/example/phantoms --train 4 --test 2",
}

Construction = Literal["T", "V"]
Filtration = Literal["superlevel", "sublevel"]
ConstructionOption = Annotated[
    Construction,
    typer.Option(help="T: foreground of full connectivity (8, 26); V: of face connectivity (4, 6)."),
]


def _examples(*commands: str) -> str:
    """Lines for the end of a help page; the control character keeps them from being wrapped."""
    return "\n".join(["\b", "From the root of the repository:", *(f"  {EXAMPLES[c]}" for c in commands)])


app = typer.Typer(
    help="Topologically correct segmentation: train, predict, evaluate, and look at the topology of images.",
    epilog=_examples(*EXAMPLES),
    rich_markup_mode=None,  # plain help, which no panel folds or truncates
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.command(epilog=_examples("train"))
def train(
    config: Annotated[Path, typer.Argument(help="YAML file.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY.PATH=VALUE]...", help="Values that replace those of the file."),
    ] = None,
    *,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the last checkpoint.")] = False,
) -> None:
    """Train a network as a YAML file says."""
    from segtopo.training import NonFiniteLossError, TrainingInterruptedError
    from segtopo.training import train as run_training

    try:
        result = run_training(config, overrides or [], resume=resume)
    except (NonFiniteLossError, TrainingInterruptedError) as error:
        _complain(error)
        raise typer.Exit(1) from None
    typer.echo(f"checkpoint: {result.best or result.last}")


@app.command(epilog=_examples("predict"))
def predict(
    checkpoint: Annotated[Path, typer.Argument(help="best.pt or last.pt of a training.")],
    images: Annotated[Path, typer.Argument(help="An image, or a folder of images.")],
    *,
    out: Annotated[Path, typer.Option(help="Folder to make for the masks.")],
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Also write the probabilities, to OUT/probabilities.")
    ] = False,
    overlap: Annotated[float, typer.Option(help="Of neighbouring windows: more is smoother and slower.")] = 0.5,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Segment images with a trained network.

    Each mask gets the name and the geometry of its image.
    """
    from segtopo.inference import predict as run_prediction

    with _progress("predict") as progress:
        masks = run_prediction(
            checkpoint, images, out, probabilities=probabilities, overlap=overlap, device=device, progress=progress
        )
    typer.echo(f"masks ({len(masks)}): {out}")


@app.command(epilog=_examples("evaluate"))
def evaluate(
    predictions: Annotated[Path, typer.Argument(help="Predicted masks: a folder, or one file.")],
    references: Annotated[Path, typer.Argument(help="Reference masks of the same names.")],
    *,
    out: Annotated[Path, typer.Option(help="Folder for cases.csv, errors.csv and summary.json.")],
    labels: Annotated[
        str | None, typer.Option(help="Structures of label maps, each scored alone, for instance 1,2,3.")
    ] = None,
    construction: ConstructionOption = "T",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Cases scored at once [default: one per core, at most 8].")
    ] = None,
) -> None:
    """Score predicted masks against references.

    Dice, clDice, DIU, Betti and Betti matching errors, per case and in summary; every topological error and its place.
    """
    chosen = None if labels is None else _integers("--labels", labels)
    from segtopo.evaluation import evaluate as run_evaluation

    with _progress("evaluate") as progress:
        evaluation = run_evaluation(
            predictions,
            references,
            out,
            labels=chosen,
            construction=construction,
            workers=workers,
            progress=progress,
        )
    _print_table(evaluation)
    typer.echo(f"reports: {out}")


@app.command(epilog=_examples("persistence"))
def persistence(
    image: Annotated[Path, typer.Argument(help="A 2D or 3D image.")],
    *,
    out: Annotated[Path, typer.Option(help="File to write: .csv, .json or .npz.")],
    filtration: Annotated[
        Filtration, typer.Option(help="superlevel: bright voxels enter first; sublevel: dark ones.")
    ] = "superlevel",
    construction: ConstructionOption = "T",
    min_persistence: Annotated[float, typer.Option(min=0, help="Leave out shorter bars.")] = 0.0,
    channel: Annotated[int | None, typer.Option(min=0, help="Which channel of a colour image.")] = None,
) -> None:
    """Write the persistence pairs of an image.

    Each row is a component (dimension 0), loop (1) or cavity (2), with the values at which it is born and dies
    and the voxels that set them.
    """
    write = _writer_of_pairs(out)
    from segtopo.atomic_output import atomic_output
    from segtopo.persistence import compute_persistence

    array = _single_channel(image, channel)
    with atomic_output(out) as part:
        try:
            pairs = compute_persistence(
                array, filtration=filtration, construction=construction, min_persistence=min_persistence
            )
        except (TypeError, ValueError) as error:
            raise InputError(f"{image}: {error}") from error
        write(part, pairs)
    for dimension in range(array.ndim):
        of_dimension = pairs.of_dimension(dimension)
        typer.echo(
            f"dimension {dimension}: {len(of_dimension)} pairs, {of_dimension.essential.sum()} of them essential"
        )
    typer.echo(f"pairs: {out}")


@app.command(epilog=_examples("phantom"))
def phantom(
    *,
    out: Annotated[Path, typer.Option(help="Folder to make.")],
    ndim: Annotated[int | None, typer.Option(help="2 or 3 [default: 2].")] = None,
    shape: Annotated[str | None, typer.Option(help="Size in voxels, for instance 128,160.")] = None,
    train: Annotated[int | None, typer.Option(help="Number of cases for training [default: 12].")] = None,
    test: Annotated[int | None, typer.Option(help="Number of cases for testing [default: 6].")] = None,
    trees: Annotated[int | None, typer.Option(help="Components of each label [default: 1].")] = None,
    loops: Annotated[int | None, typer.Option(help="Loops of each label [default: 1].")] = None,
    gaps: Annotated[int | None, typer.Option(help="Places where a vessel nearly vanishes [default: 6].")] = None,
    noise: Annotated[float, typer.Option(help="Standard deviation of the noise.")] = 0.08,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.")] = 0,
    from_mask: Annotated[
        list[Path] | None,
        typer.Option(help="Simulate images of this mask, or of a folder of masks, instead. May be repeated."),
    ] = None,
    label: Annotated[int | None, typer.Option(help="With --from-mask: the structure of a label map.")] = None,
    crop: Annotated[
        str | None, typer.Option(help="With --from-mask: size of the crops in voxels, 96 or 96,96,64.")
    ] = None,
    crops_per_mask: Annotated[int | None, typer.Option(help="With --from-mask: number of crops [default: 8].")] = None,
    whole: Annotated[bool, typer.Option("--whole", help="With --from-mask: whole images, no crops.")] = False,
) -> None:
    """Write simulated images of vessels, with labels.

    The vessels are grown, and their Betti numbers known; or they are those of real masks (--from-mask).
    """
    of_phantoms: dict[str, Any] = {
        "ndim": ndim,
        "shape": None if shape is None else _integers("--shape", shape),
        "train": train,
        "test": test,
        "trees": trees,
        "loops": loops,
        "gaps": gaps,
    }
    of_masks: dict[str, Any] = {
        "label": label,
        "crop": None if crop is None else _integers("--crop", crop),
        "crops_per_mask": crops_per_mask,
        "whole": whole or None,
    }
    given = {name: value for name, value in {**of_phantoms, **of_masks}.items() if value is not None}
    for name in given.keys() & (of_masks if not from_mask else of_phantoms).keys():
        expected = "only together with" if not from_mask else "not together with"
        raise InputError(f"--{name.replace('_', '-')} was given, expected it {expected} --from-mask")
    from segtopo.phantoms import write_phantom_dataset, write_simulated_dataset

    with _progress("phantom") as progress:
        numbers = count(1)
        common: dict[str, Any] = {
            "noise": noise,
            "seed": seed,
            "progress": lambda name: progress(name, next(numbers), None),
        }
        if not from_mask:
            write_phantom_dataset(out, **given, **common)
        else:
            if len(given.get("crop", ())) == 1:
                given["crop"] *= _ndim_of_masks(from_mask)
            write_simulated_dataset(out, from_mask, **given, **common)
    typer.echo(f"phantoms: {out}")


def main() -> None:
    """Run the command line and leave with 0 (done), 2 (bad input) or 1 (anything else)."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command.

    Args:
        arguments: what follows ``segtopo`` on the command line.

    Returns:
        The exit code. Bad input leaves one line on standard error; unforeseen errors are raised.
    """
    usage_error: Any = typer.BadParameter.__base__  # typer exports none but this of its own errors' bases
    try:
        code = app(arguments or ["--help"], prog_name="segtopo", standalone_mode=False)
    except InputError as error:
        _complain(error)
        return 2
    except usage_error as error:
        _complain(error.format_message())
        return 2
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    return code if code in (0, 2) else int(code is not None)


def _complain(error: object) -> None:
    typer.echo("error: " + " ".join(str(error).split()), err=True)


def _integers(option: str, text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"{option} is {text!r}, expected whole numbers separated by commas") from None


@contextmanager
def _progress(title: str) -> Iterator[Callable[[str, int, int | None], None]]:
    """Report the step that begins: a bar on a terminal, plain lines elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console()
    if not console.is_terminal:
        yield lambda name, number, total: typer.echo(
            f"{title} {number}: {name}" if total is None else f"{title} {number}/{total}: {name}"
        )
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda name, number, total: bar.update(
            task, description=f"{title}: {name}", completed=number - 1, total=total
        )


def _print_table(evaluation: Evaluation) -> None:
    """Print the scores; a pipe gets them without lines, and never cut to a width."""
    from rich.console import Console

    from segtopo.evaluation import score_table

    console = Console()
    table = score_table(evaluation)
    if not console.is_terminal:
        console.width = 10_000
        table.box = None
    console.print(table)


def _single_channel(path: Path, channel: int | None) -> npt.NDArray[Any]:
    from segtopo.volumes import read_volume

    volume = read_volume(path)
    if not volume.has_channels:
        if channel:
            raise InputError(f"{path}: has one channel, expected no --channel {channel}")
        return volume.array
    channels = len(volume.array)
    if channel is None or channel >= channels:
        given = "no --channel" if channel is None else f"--channel {channel}"
        raise InputError(f"{path}: has {channels} channels and {given}, expected --channel 0 to {channels - 1}")
    chosen: npt.NDArray[Any] = volume.array[channel]
    return chosen


def _ndim_of_masks(masks: Sequence[Path]) -> int:
    from segtopo.phantoms import mask_files
    from segtopo.volumes import read_volume

    return read_volume(mask_files(masks)[0]).ndim


def _writer_of_pairs(path: Path) -> Callable[[Path, PersistencePairs], None]:
    writers = {".csv": _write_csv, ".json": _write_json, ".npz": _write_npz}
    if path.suffix not in writers:
        raise InputError(f"{path}: cannot be written, expected a name that ends in {', '.join(writers)}")
    return writers[path.suffix]


def _write_csv(path: Path, pairs: PersistencePairs) -> None:
    axes = range(len(pairs.shape))
    header = ["dimension", "birth", "death", *(f"birth_voxel_{a}" for a in axes), *(f"death_voxel_{a}" for a in axes)]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for dimension, birth, death, birth_voxel, death_voxel in _rows(pairs):
            writer.writerow([dimension, birth, death, *birth_voxel, *death_voxel])


def _write_json(path: Path, pairs: PersistencePairs) -> None:
    """Essential features have neither a death nor a death voxel: JSON knows no infinity."""
    rows = [
        {
            "dimension": dimension,
            "birth": birth,
            "death": death if math.isfinite(death) else None,
            "birth_voxel": birth_voxel,
            "death_voxel": death_voxel if min(death_voxel) >= 0 else None,
        }
        for dimension, birth, death, birth_voxel, death_voxel in _rows(pairs)
    ]
    facts = {"shape": pairs.shape, "filtration": pairs.filtration, "construction": pairs.construction}
    path.write_text(json.dumps({**facts, "pairs": rows}) + "\n", encoding="utf-8")


def _write_npz(path: Path, pairs: PersistencePairs) -> None:
    import numpy as np

    np.savez_compressed(path, **vars(pairs))


def _rows(pairs: PersistencePairs) -> Iterator[tuple[int, float, float, list[int], list[int]]]:
    columns = (pairs.dimensions, pairs.births, pairs.deaths, pairs.birth_voxels, pairs.death_voxels)
    return zip(*(column.tolist() for column in columns), strict=True)


if __name__ == "__main__":
    main()
