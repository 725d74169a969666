#pragma once

#include "cubical/grid.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace segtopo {

/// Finds the position of a cell in a list of cells that is sorted by voxel, then code.
class CellIndex {
public:
  explicit CellIndex(const Cells& cells) : cells_(cells) {
    for (std::size_t i = 0; i < cells.size(); ++i)
      while (first_of_block_.size() <= block_of(cells[i])) first_of_block_.push_back(static_cast<std::uint32_t>(i));
    first_of_block_.push_back(static_cast<std::uint32_t>(cells.size()));
  }

  static constexpr std::uint32_t none = ~std::uint32_t{0};

  /// The position of a cell, or `none` if the cell is not in the list.
  std::uint32_t find(const Cell& cell) const {
    if (block_of(cell) + 1 >= first_of_block_.size()) return none;
    const std::uint32_t number = (*this)(cell);
    const bool found = number < cells_.size() && cells_[number].voxel == cell.voxel && cells_[number].code == cell.code;
    return found ? number : none;
  }

  /// The position of a cell of the list.
  std::uint32_t operator()(const Cell& cell) const {
    const auto first = first_of_block_.begin() + static_cast<std::ptrdiff_t>(block_of(cell));
    const auto found =
        std::lower_bound(cells_.begin() + first[0], cells_.begin() + first[1], cell, [](const Cell& a, const Cell& b) {
          return a.voxel != b.voxel ? a.voxel < b.voxel : a.code < b.code;
        });
    return static_cast<std::uint32_t>(found - cells_.begin());
  }

private:
  static constexpr std::size_t block_size = 64; // in voxels: a compromise between the time of a search and memory

  const Cells& cells_;
  std::vector<std::uint32_t> first_of_block_;

  static std::size_t block_of(const Cell& cell) { return static_cast<std::size_t>(cell.voxel) / block_size; }
};

} // namespace segtopo
