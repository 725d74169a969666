"""The application: its commands, its help and its exit codes.

Nothing here or at the top of a command's module imports a heavy library, so that help and wrong arguments are answered
at once.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import typer

from segtopo.atomic_output import NO_SPACE
from segtopo.cli import (
    calibrate,
    compare,
    evaluate,
    export,
    nnunet,
    persistence,
    phantom,
    plan,
    predict,
    repair,
    simulate,
    train,
)
from segtopo.cli.console import complain, replace_unknown_characters
from segtopo.cli.interruption import prompt_interruption
from segtopo.errors import FailedCasesError, InputError, mismatch

COMMANDS = {
    "plan": plan,
    "train": train,
    "predict": predict,
    "export": export,
    "repair": repair,
    "calibrate": calibrate,
    "evaluate": evaluate,
    "compare": compare,
    "persistence": persistence,
    "phantom": phantom,
    "simulate": simulate,
    "nnunet": nnunet,
}

EXAMPLES = {name: module.EXAMPLE for name, module in COMMANDS.items()}

#: The extra of the package that installs each optional module.
EXTRAS = {
    **dict.fromkeys(("ignite", "pydantic", "tensorboard", "yaml"), "train"),
    **dict.fromkeys(("highdicom", "pydicom"), "dicom"),
    **dict.fromkeys(("onnx", "onnxruntime", "onnxscript"), "export"),
    "matplotlib": "report",
    "distributed": "distributed",
    "nnunetv2": "nnunet",
    "wandb": "wandb",
    "mlflow": "mlflow",
}

#: Words that a command does not know are arguments of the program that it runs.
PASSED_ON = {"nnunet": {"ignore_unknown_options": True}}

# Typer does not export the common base of its usage errors.
UsageError: Any = typer.BadParameter.__base__


def _epilog(examples: Iterable[str]) -> str:
    """Returns the end of a help page; the control character keeps the lines from being wrapped."""
    return "\n".join(["\b", "From the root of the repository:", *(f"  {example}" for example in examples)])


app = typer.Typer(
    help="Topologically correct segmentation of medical images.",
    epilog=_epilog(EXAMPLES.values()),
    rich_markup_mode=None,  # plain help: panels fold and truncate their text
    pretty_exceptions_enable=False,
    add_completion=False,
)
for _name, _module in COMMANDS.items():
    app.command(_name, epilog=_epilog([EXAMPLES[_name]]), context_settings=PASSED_ON.get(_name))(
        getattr(_module, _name)
    )


def main() -> None:
    """Runs the command line and leaves with the exit code of :func:`run`."""
    replace_unknown_characters()
    with prompt_interruption():
        code = run(sys.argv[1:])
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Runs one command.

    Args:
        arguments: The words after ``segtopo`` on the command line. Without any, the help is printed.

    Returns:
        The exit code: 0 done, 2 wrong input, 130 interrupted, 1 failed. Wrong input prints one line on standard error.
        Unforeseen errors are raised; Python then prints a traceback and leaves with 1.
    """
    try:
        code: int | None = app(arguments or ["--help"], prog_name="segtopo", standalone_mode=False)
    except InputError as error:
        for problem in error.failures.values() if isinstance(error, FailedCasesError) else [error]:
            complain(problem)
        return 2
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        complain(mismatch(error.filename or "output", got=error.strerror, expected="enough free space"))
        return 2
    except UsageError as error:
        complain(error.format_message())
        return 2
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        extra = f'the extra: pip install "segtopo[{EXTRAS[error.name]}]"'
        complain(mismatch(f"segtopo {arguments[0]}", got=f"no module {error.name!r}", expected=extra))
        return 2
    except (KeyboardInterrupt, typer.Abort):
        return 130
    return code or 0
