"""``python -m segtopo`` is the command ``segtopo``."""

from segtopo.cli import main

main()
