"""The command line: one module per command, :mod:`segtopo.cli.app` puts them together."""

from segtopo.cli.app import main, run

__all__ = ["main", "run"]
