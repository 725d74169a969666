#!/usr/bin/env bash
# Runs the kernel's C++ tests under the address and undefined-behaviour sanitizers, then under the thread sanitizer.
# Needs a C++20 compiler with these sanitizers, GCC or Clang; CXX chooses another than c++.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT

for sanitizers in address,undefined thread; do
  echo "kernel tests under -fsanitize=$sanitizers"
  "${CXX:-c++}" -std=c++20 -O1 -g -Wall -Wextra -fsanitize="$sanitizers" -fno-sanitize-recover=all -pthread \
    -I segtopo/_kernel segtopo/_kernel/{betti_matching,cubical_persistence,lower_star_table,partial_assignment}.cpp \
    tests/kernel/test_kernel.cpp -o "$build/test_kernel"
  "$build/test_kernel"
done
