#pragma once

#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

namespace {

void check(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "failed: %s\n", what.c_str());
  std::exit(1);
}

template <class Error, class Call> bool throws(Call call) {
  try {
    call();
  } catch (const Error&) {
    return true;
  }
  return false;
}

using Random = std::mt19937;

int uniform(Random& random, int low, int high) {
  return std::uniform_int_distribution(low, high)(random);
}

} // namespace
