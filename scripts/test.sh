#!/usr/bin/env bash
# Installs segtopo (editable) into .venv and runs every check: formatting, lint, types, documentation, tests.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/environment.sh
install_segtopo --editable ".[dev]"

ruff format --check .
ruff check .
find segtopo/_kernel tests/kernel -name '*.cpp' -o -name '*.hpp' | xargs clang-format --dry-run --Werror
mypy
mkdocs build --strict --quiet --config-file .docs/mkdocs.yml
scripts/sanitize.sh
# The tests of a file share one process, so that their fixtures are made once.
pytest --numprocesses logical --maxprocesses 4 --dist loadfile "$@"
