#pragma once

#include "common/large_memory.hpp"
#include "cubical/grid.hpp"

#include <cstdint>

namespace segtopo {

/// Critical cells of one dimension, as positions in a list of cells.
using CellNumbers = LargeVector<std::uint32_t>;

/// A list of cells and the numbers of some of them, in the order of a filtration.
struct OrderedCells {
  const Cells& cells;
  const CellNumbers& order;
};

/// The numbers of two critical cells, of dimensions k and k + 1, that create and destroy a class.
struct CellPair {
  std::uint32_t birth, death;
};

} // namespace segtopo
