"""Wrong input: one exception and one wording, from the kernel's callers to the command line."""


class InputError(ValueError):
    """Input that segtopo cannot use.

    The message is one line made by :func:`mismatch`. The command line prints it and leaves with exit code 2.
    """


class OutputError(InputError):
    """An output that cannot be written: the disk is full, or its folder is read-only.

    Work on other cases ends with it, because their outputs could not be written either.
    """


class FailedCasesError(InputError):
    """Some cases cannot be used. The outputs of the others are complete.

    Attributes:
        failures: The reason for each failed case, in one line, by its name.
    """

    def __init__(self, failures: dict[str, str], total: int) -> None:
        self.failures = failures
        first = next(iter(failures.values()))
        super().__init__(first if total == 1 else f"{len(failures)} of {total} cases failed: {first}")


def mismatch(subject: object, *, got: object, expected: str) -> str:
    """The sentence for a value that differs from the expected one.

    Args:
        subject: Name of the argument, key or file.
        got: The value received, or a phrase that describes it.
        expected: A phrase that describes the values allowed.

    Example:
        >>> mismatch("threshold", got=1.5, expected="a number from 0 to 1")
        'threshold: got 1.5, expected a number from 0 to 1'
    """
    return f"{subject}: got {got}, expected {expected}"
