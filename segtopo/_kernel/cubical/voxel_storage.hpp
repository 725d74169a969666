#pragma once

#include "common/large_memory.hpp"
#include "common/parallel.hpp"
#include "common/relaxed_access.hpp"
#include "cubical/grid.hpp"

#include <cstdint>
#include <iterator>
#include <numeric>
#include <vector>

namespace segtopo {

/// Maps voxels of the padded grid to slots of arrays with one number per voxel: one slot for every voxel.
class DenseStorage {
public:
  template <int Dim> explicit DenseStorage(const Grid<Dim>& grid) : size_(grid.padded_size) {}

  Index size() const { return size_; }
  Index slot(Index voxel) const { return voxel; }
  Index next_stored(Index voxel) const { return voxel; }

private:
  Index size_;
};

/// Maps voxels to slots when few voxels take part in the filtration. The grid is cut into pages of consecutive voxels;
/// only the pages near voxels inside have slots of their own.
///
/// All other voxels share page 0. It may only hold numbers that are right for every voxel outside.
class PagedStorage {
public:
  static constexpr Index page_length = 8;

  /// is_inside(i) tells whether voxel i of the image takes part. In dual order, the grid holds the image backwards.
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

  /// The number of slots.
  Index size() const { return (std::ssize(pages_) + 1) * page_length; }

  Index slot(Index voxel) const { return number_[voxel / page_length] * page_length + voxel % page_length; }

  /// The voxel if it may be inside, otherwise the first voxel of the next page.
  Index next_stored(Index voxel) const {
    return number_[voxel / page_length] != 0 ? voxel : (voxel / page_length + 1) * page_length;
  }

  Index page_count() const { return std::ssize(pages_); }
  Index first_voxel(Index page) const { return pages_[page] * page_length; }

private:
  LargeArray<std::uint32_t> number_; ///< of each page of the grid: its page of slots, 0 if it has none of its own
  std::vector<Index> pages_;         ///< the pages of the grid that have slots

  /// Arrays over top cells use the slot of the cell's corner of smallest index. So this corner gets a page for every
  /// top cell that has a vertex inside.
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

  void mark(Index voxel) { store_relaxed(number_[voxel / page_length], std::uint32_t{1}); }
};

/// Calls compute(storage) with the storage that is faster for the voxels inside.
template <int Dim, class IsInside, class Compute>
auto with_storage(const Grid<Dim>& grid, bool dual, IsInside is_inside, const Execution& execution, Compute compute) {
  const auto ranges = split(grid.image_size, 1 << 14, execution);
  std::vector<Index> counts(ranges.size());
  parallel_for(std::ssize(ranges), execution, [&](Index task) {
    Index count = 0;
    for (Index i = ranges[task].begin; i < ranges[task].end; ++i) count += is_inside(i);
    counts[task] = count;
  });
  if (4 * std::reduce(counts.begin(), counts.end()) > grid.image_size) return compute(DenseStorage(grid));
  return compute(PagedStorage(grid, dual, is_inside, execution));
}

} // namespace segtopo
