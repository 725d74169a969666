#pragma once

#include <cstdint>
#include <vector>

namespace segtopo {

/// A persistent homology class of a filtered simplicial complex: the numbers of the simplices that create and destroy
/// it.
struct SimplexPair {
  static constexpr std::uint32_t never = ~std::uint32_t{0}; ///< the death of an essential class

  std::uint32_t birth, death;
};

/// By dimension: the pairs, sorted by birth.
using PairsByDimension = std::vector<std::vector<SimplexPair>>;

} // namespace segtopo
