#pragma once

#include "common/union_find.hpp"
#include "cubical/grid.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <vector>

namespace segtopo {

/// The connected pieces of the voxels outside.
///
/// In dual order, where the outside enters first, voxels that share a face are connected. Otherwise a cell with a
/// vertex outside is missing, so voxels that share a cell are connected. A row of voxels is stored as runs.
class OutsidePieces {
public:
  /// is_inside(i) tells whether voxel i of the image takes part. In dual order, the grid holds the image backwards.
  template <int Dim, class Storage, class IsInside>
  OutsidePieces(const Grid<Dim>& grid, const Storage& storage, bool dual, IsInside is_inside)
      : row_length_(grid.row_length() + 2) {
    for (Index row = 0; row < grid.padded_row_count(); ++row) {
      first_run_.push_back(std::ssize(runs_));
      find_runs(grid, storage, dual, is_inside, row);
    }
    first_run_.push_back(std::ssize(runs_));
    join_runs(grid, dual);
  }

  std::uint32_t count() const { return count_; }

  /// The number of the piece that contains a voxel outside.
  std::uint32_t operator()(Index voxel) const {
    const Index row = voxel / row_length_, x = voxel % row_length_;
    const auto begin = runs_.begin() + first_run_[row], end = runs_.begin() + first_run_[row + 1];
    const auto next = std::upper_bound(begin, end, x, [](Index at, const Run& run) { return at < run.begin; });
    return piece_[next - runs_.begin() - 1];
  }

private:
  struct Run {
    Index begin, end;
  };

  Index row_length_; ///< of the padded grid
  std::vector<Run> runs_;
  std::vector<Index> first_run_;     ///< by row of the padded grid, then the number of runs
  std::vector<std::uint32_t> piece_; ///< by run
  std::uint32_t count_ = 0;

  template <int Dim, class Storage, class IsInside>
  void find_runs(const Grid<Dim>& grid, const Storage& storage, bool dual, IsInside is_inside, Index padded_row) {
    runs_.push_back({0, row_length_});
    const Index row = grid.image_row(padded_row), length = grid.row_length(), start = padded_row * row_length_;
    if (row < 0) return;
    const Index first = (dual ? grid.row_count() - 1 - row : row) * length;
    bool was_inside = false;
    for (Index x = 1; x <= length;) {
      const Index stored = storage.next_stored(start + x) - start;
      const bool inside = stored == x && is_inside(first + (dual ? length - x : x - 1));
      if (inside && !was_inside) runs_.back().end = x;
      if (!inside && was_inside) runs_.push_back({x, row_length_});
      was_inside = inside;
      x = std::max(x + 1, stored);
    }
    if (was_inside) runs_.push_back({length + 1, row_length_});
  }

  /// Joins the runs of neighbouring rows that touch, and numbers the pieces.
  template <int Dim> void join_runs(const Grid<Dim>& grid, bool dual) {
    UnionFind joined(runs_.size());
    for (Index row = 0; row < grid.padded_row_count(); ++row)
      for_each_neighbour_before(grid, row, dual, [&](Index before) { join_rows(row, before, dual ? 0 : 1, joined); });
    piece_.resize(runs_.size());
    for (std::uint32_t run = 0; run < runs_.size(); ++run) {
      const std::uint32_t first = joined.find(run);
      piece_[run] = first == run ? count_++ : piece_[first];
    }
  }

  /// Joins the runs of two rows that share a position, after each run is longer by `reach`.
  void join_rows(Index row, Index before, Index reach, UnionFind& joined) const {
    for (Index i = first_run_[row], j = first_run_[before]; i < first_run_[row + 1] && j < first_run_[before + 1];) {
      if (runs_[i].begin < runs_[j].end + reach && runs_[j].begin < runs_[i].end + reach) {
        const auto a = joined.find(static_cast<std::uint32_t>(i)), b = joined.find(static_cast<std::uint32_t>(j));
        if (a != b) joined.link(std::min(a, b), std::max(a, b));
      }
      ++(runs_[i].end < runs_[j].end ? i : j);
    }
  }

  /// Calls on_row for the neighbours of a row that come before it.
  template <int Dim, class OnRow>
  static void for_each_neighbour_before(const Grid<Dim>& grid, Index row, bool dual, OnRow on_row) {
    const Index rows_per_plane = Dim == 2 ? grid.padded_row_count() : grid.strides[0] / grid.strides[Dim - 2];
    const Index y = row % rows_per_plane;
    if (y > 0) on_row(row - 1);
    if (row < rows_per_plane) return;
    const Index first = dual ? y : std::max<Index>(y - 1, 0), last = dual ? y : std::min(y + 1, rows_per_plane - 1);
    for (Index other = first; other <= last; ++other) on_row(row - rows_per_plane - y + other);
  }
};

} // namespace segtopo
