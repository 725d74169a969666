#pragma once

#include "common/radix_sort.hpp"
#include "cubical/lower_star_gradient.hpp"
#include "cubical/ordered_cells.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace segtopo {

/// The critical cells of dimension k, as positions in their list, in the order of the filtration.
template <int Dim, class Key, class Storage>
CellNumbers sorted_cells(const LowerStarGradient<Dim, Key, Storage>& gradient, int k) {
  const Cells& cells = gradient.critical_cells(k);
  LargeVector<Keyed<Key>> keyed(cells.size());
  for (std::size_t i = 0; i < keyed.size(); ++i)
    keyed[i] = {gradient.image.key(cells[i].voxel), static_cast<std::uint32_t>(i)};
  radix_sort(keyed);
  CellNumbers order(keyed.size());
  std::ranges::transform(keyed, order.begin(), &Keyed<Key>::number);
  return order;
}

} // namespace segtopo
