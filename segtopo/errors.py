"""The one exception the command line turns into a plain sentence."""


class InputError(ValueError):
    """What the user supplied cannot be used.

    The message is one line that says what is wrong, where, and what was expected: the command line prints it as it is
    and leaves with exit code 2.
    """
