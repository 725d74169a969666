"""``python -m segtopo.cli`` is the command ``segtopo``."""

from segtopo.cli import main

main()
