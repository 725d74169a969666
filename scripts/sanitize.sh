#!/usr/bin/env bash
# Runs the kernel's C++ tests under the address and undefined-behaviour sanitizers, then under the thread sanitizer.
# Needs a C++20 compiler with these sanitizers, GCC or Clang; CXX chooses another than c++.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT

# A test and the parts of the kernel that it needs.
run_test() {
  "${CXX:-c++}" -std=c++20 -O1 -g -Wall -Wextra -fsanitize="$sanitizers" -fno-sanitize-recover=all -pthread \
    -I segtopo/_kernel "tests/kernel/$1.cpp" "${@:2}" -o "$build/$1"
  "$build/$1"
}

for sanitizers in address,undefined thread; do
  echo "kernel tests under -fsanitize=$sanitizers"
  run_test test_kernel segtopo/_kernel/{betti_matching,cubical_persistence,lower_star_table,partial_assignment}.cpp
  run_test test_complexes segtopo/_kernel/{filtered_complex,rips_persistence}.cpp
done
