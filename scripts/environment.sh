# Sourced by demo.sh and test.sh: makes .venv with segtopo in it and activates it.
# Usage: . scripts/environment.sh && install_segtopo [pip options] TARGET
install_segtopo() {
  local python=${PYTHON:-python3}
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || {
    echo "segtopo needs Python >= 3.10; '$python' is $("$python" --version 2>&1). Set PYTHON=/path/to/python3." >&2
    return 2
  }
  [ -d .venv ] || "$python" -m venv .venv
  # shellcheck disable=SC1091
  . .venv/bin/activate
  pip install --quiet --disable-pip-version-check --constraint scripts/constraints.txt "$@"
}
