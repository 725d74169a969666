#!/usr/bin/env bash
# Runs the kernel's C++ tests under the address and undefined-behaviour sanitizers, then under the thread sanitizer.
# Needs a C++20 compiler with these sanitizers, GCC or Clang; CXX chooses another than c++.
set -euo pipefail
cd "$(dirname "$0")/.."
kernel=segtopo/_kernel
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT

# Builds and runs a test with the sources of the kernel that it needs.
run_test() {
  "${CXX:-c++}" -std=c++20 -O1 -g -Wall -Wextra -fsanitize="$sanitizers" -fno-sanitize-recover=all -pthread \
    -I "$kernel" "tests/kernel/$1.cpp" "${@:2}" -o "$build/$1"
  "$build/$1"
}

for sanitizers in address,undefined thread; do
  echo "kernel tests under -fsanitize=$sanitizers"
  run_test test_common
  run_test test_cubical "$kernel"/cubical/*.cpp
  run_test test_betti_matching "$kernel"/{betti_matching,cubical}/*.cpp
  run_test test_complexes "$kernel"/simplicial/*.cpp
  run_test test_assignment "$kernel"/assignment/*.cpp
done
