#!/usr/bin/env bash
# Runs the kernel's C++ tests under the address and undefined-behaviour sanitizers, then under the thread sanitizer.
# Needs a C++20 compiler with these sanitizers, GCC or Clang; CXX chooses another than c++.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT

for sanitizers in address,undefined thread; do
  echo "kernel tests under -fsanitize=$sanitizers"
  flags="-std=c++20 -O1 -g -Wall -Wextra -fsanitize=$sanitizers -fno-sanitize-recover=all -pthread -I segtopo/_kernel"
  # Compiling takes most of the time: every source once, on all cores.
  find segtopo/_kernel tests/kernel -name '*.cpp' -not -path '*/bindings/*' -print0 |
    xargs -0 -P "$(nproc)" -I {} sh -c "${CXX:-c++} $flags -c {} -o $build/\$(basename {} .cpp).o"
  for test in tests/kernel/*.cpp; do
    name=$(basename "$test" .cpp)
    # shellcheck disable=SC2086
    "${CXX:-c++}" $flags "$build/$name.o" $(find "$build" -name '*.o' -not -name 'test_*') -o "$build/$name"
    "$build/$name"
  done
done
