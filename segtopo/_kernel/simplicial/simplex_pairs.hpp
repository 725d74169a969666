#pragma once

#include <cstdint>
#include <vector>

namespace segtopo {

/// A class of a filtered simplicial complex: the numbers of what gives birth to it and of what ends it.
struct SimplexPair {
  static constexpr std::uint32_t never = ~std::uint32_t{0}; ///< the death of an essential class

  std::uint32_t birth, death;
};

/// By dimension, the pairs in the order of their births.
using PairsByDimension = std::vector<std::vector<SimplexPair>>;

} // namespace segtopo
