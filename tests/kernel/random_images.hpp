#pragma once

#include "checks.hpp"
#include "cubical/grid.hpp"
#include "cubical/lower_star_table.hpp"

#include <cstddef>
#include <vector>

namespace {

using segtopo::Index, segtopo::LowerStarTable, segtopo::Shape;

template <int Dim> Index size_of(const Shape<Dim>& shape) {
  Index size = 1;
  for (const Index n : shape) size *= n;
  return size;
}

/// An image with random values. Few levels give ties and plateaus; many levels give distinct values.
template <class Value> std::vector<Value> random_image(Index size, int levels, Random& random) {
  std::vector<Value> image(static_cast<std::size_t>(size));
  for (Value& value : image) value = static_cast<Value>(uniform(random, -levels / 2, levels / 2)) / 4;
  return image;
}

template <int Dim> const LowerStarTable<Dim>& table() {
  static const LowerStarTable<Dim> instance;
  return instance;
}

} // namespace
