#pragma once

#include "grid.hpp"
#include "large_memory.hpp"
#include "parallel.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <iterator>
#include <vector>

namespace segtopo {

/// Where arrays of one number per voxel keep the number of a voxel of the padded grid: one after the other.
class DenseStorage {
public:
  template <int Dim> explicit DenseStorage(const Grid<Dim>& grid) : size_(grid.padded_size) {}

  Index size() const { return size_; }
  Index slot(Index voxel) const { return voxel; }

private:
  Index size_;
};

/// The same where few voxels take part: in pages of consecutive voxels, of which only those near such voxels exist.
///
/// All others share page 0, where nothing may be stored but what is true of every voxel outside.
class PagedStorage {
public:
  static constexpr Index page_length = 8;

  /// is_inside(i) tells whether voxel i of the image takes part; in dual order the image is laid out backwards.
  template <int Dim, class IsInside>
  PagedStorage(const Grid<Dim>& grid, bool dual, IsInside is_inside, const Execution& execution)
      : number_(grid.padded_size / page_length + 1) {
    const auto ranges = split(grid.padded_row_count(), 1, execution);
    parallel_for(std::ssize(ranges), execution, [&](Index task) {
      for (Index row = ranges[task].begin; row < ranges[task].end; ++row) mark_row(grid, dual, is_inside, row);
    });
    for (Index page = 0; page < grid.padded_size / page_length + 1; ++page)
      if (number_[page] != 0) {
        pages_.push_back(page);
        number_[page] = static_cast<std::uint32_t>(pages_.size());
      }
  }

  Index size() const { return (std::ssize(pages_) + 1) * page_length; }

  Index slot(Index voxel) const { return number_[voxel / page_length] * page_length + voxel % page_length; }

  /// The first voxels of the pages, in their order.
  Index page_count() const { return std::ssize(pages_); }
  Index first_voxel(Index page) const { return pages_[page] * page_length; }

private:
  LargeArray<std::uint32_t> number_; ///< of the page at each place, from 1; 0 if there is none
  std::vector<Index> pages_;

  /// A top cell is named by its corner of smallest index: wherever one has a vertex inside, that corner has a page.
  template <int Dim, class IsInside>
  void mark_row(const Grid<Dim>& grid, bool dual, IsInside is_inside, Index padded_row) {
    const Index length = grid.row_length(), row = grid.image_row(padded_row);
    if (row < 0) return;
    const Index first = (dual ? grid.row_count() - 1 - row : row) * length;
    const Index start = padded_row * (length + 2) + 1;
    for (Index x = 0; x < length; ++x) {
      if (!is_inside(first + x)) continue;
      const Index voxel = start + (dual ? length - 1 - x : x);
      for (int code = StarCells<Dim>::count - StarCells<Dim>::max_vertices; code < StarCells<Dim>::count; ++code)
        mark(voxel + grid.step_to_lowest_corner[code]);
    }
  }

  void mark(Index voxel) { std::atomic_ref(number_[voxel / page_length]).store(1, std::memory_order_relaxed); }
};

} // namespace segtopo
