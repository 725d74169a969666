#pragma once

#include "common/large_memory.hpp"
#include "common/parallel.hpp"
#include "cubical/filtration.hpp"
#include "cubical/grid.hpp"
#include "cubical/voxel_storage.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <type_traits>

namespace segtopo {

/// The voxels of an image on a padded grid, with the total order (key, index).
///
/// A lower voxel enters the filtration earlier. A cell of the grid enters with its highest vertex. The complex has the
/// cells without a vertex outside. Outside are the padding and, if the filtration ends early, later voxels of the
/// image.
///
/// Dual order: the T-construction is dual to a V-construction, relative to a layer of voxels around the image that
/// enters first, with the order of the voxels reversed (Garin et al. 2020). To reverse ties as well, the padded grid
/// holds the image backwards: of two equal keys, the larger index enters first.
template <int Dim, class Key, class Storage> class OrderedImage {
public:
  const Grid<Dim> grid;
  const Storage& storage;
  const bool is_whole; ///< all voxels of the image take part

  /// key_of(i) is the key of voxel i of the image. It must be neither the largest nor the smallest integer.
  /// is_inside(i) tells whether voxel i takes part in the filtration.
  template <class KeyOfVoxel, class IsInside>
  OrderedImage(const Grid<Dim>& padded_grid, const Storage& voxel_storage, bool dual, KeyOfVoxel key_of,
               IsInside is_inside, const Execution& execution)
      : grid(padded_grid), storage(voxel_storage), is_whole(std::is_same_v<IsInside, Everywhere>), dual_(dual),
        outside_key_(dual ? std::numeric_limits<Key>::min() : std::numeric_limits<Key>::max()), keys_(storage.size()) {
    if constexpr (std::is_same_v<Storage, DenseStorage>)
      for_each_in_parallel(grid.padded_row_count(), execution, [&](Index row) { fill_row(key_of, is_inside, row); });
    else {
      std::fill_n(keys_.data(), Storage::page_length, outside_key_);
      for_each_in_parallel(storage.page_count(), execution, [&](Index page) { fill_page(key_of, is_inside, page); });
    }
  }

  Key key(Index voxel) const { return keys_[storage.slot(voxel)]; }
  const Key* keys(Index voxel) const { return keys_.data() + storage.slot(voxel); }
  Key outside_key() const { return outside_key_; }
  bool is_outside(Index voxel) const { return key(voxel) == outside_key_; }

  /// Converts a cell, given by any of its vertices, to its highest vertex and its code there.
  Cell by_highest_vertex(const Cell& cell) const {
    constexpr const auto& cells = star_cells<Dim>;
    int highest = 0;
    for (int v = 1; v < cells.vertex_count(cell.code); ++v) {
      const Index a = cell.voxel + grid.step[cells.vertex[cell.code][v]];
      const Index b = cell.voxel + grid.step[cells.vertex[cell.code][highest]];
      if (key(a) != key(b) ? key(a) > key(b) : a > b) highest = v;
    }
    return {cell.voxel + grid.step[cells.vertex[cell.code][highest]], cells.seen_from[cell.code][highest]};
  }

  /// The top cell with the given corner of smallest index, by its highest vertex.
  Cell top_cell(Index lowest_corner) const {
    constexpr const auto& cells = star_cells<Dim>;
    constexpr int above = cells.count - 1; // the displacement (1, ..., 1)
    int highest = 0;
    Key highest_key = key(lowest_corner);
    for (int v = 1; v < cells.max_vertices; ++v) {
      // The vertices are sorted by index, so of equal keys the later vertex is higher.
      const Key candidate = key(lowest_corner + grid.step[cells.vertex[above][v]]);
      const bool is_higher = candidate >= highest_key;
      highest = is_higher ? v : highest;
      highest_key = is_higher ? candidate : highest_key;
    }
    return {lowest_corner + grid.step[cells.vertex[above][highest]], cells.seen_from[above][highest]};
  }

  /// Converts a voxel of the padded grid to its index in the image.
  Index image_index(Index voxel) const {
    const Index index = grid.image_index(voxel);
    return dual_ ? grid.image_size - 1 - index : index;
  }

private:
  bool dual_;
  Key outside_key_;
  LargeArray<Key> keys_;

  template <class Task> void for_each_in_parallel(Index count, const Execution& execution, Task task) {
    const auto ranges = split(count, 1, execution);
    parallel_for(std::ssize(ranges), execution, [&](Index part) {
      for (Index i = ranges[part].begin; i < ranges[part].end; ++i) task(i);
    });
  }

  /// Writes the keys of one page.
  template <class KeyOfVoxel, class IsInside> void fill_page(KeyOfVoxel key_of, IsInside is_inside, Index page) {
    const Index length = grid.row_length() + 2;
    Index voxel = storage.first_voxel(page), row = voxel / length, x = voxel % length;
    Key* const to = keys_.data() + storage.slot(voxel);
    for (Index i = 0; i < Storage::page_length; ++i, ++x) {
      if (x == length) ++row, x = 0;
      to[i] = outside_key_;
      const Index in_image = grid.image_row(row);
      if (in_image < 0 || x == 0 || x == length - 1) continue;
      const Index forwards = in_image * grid.row_length() + x - 1;
      const Index index = dual_ ? grid.image_size - 1 - forwards : forwards;
      if (is_inside(index)) to[i] = static_cast<Key>(key_of(index)) ^ (dual_ ? Key{-1} : Key{0});
    }
  }

  /// Writes the keys of one row of the padded grid.
  template <class KeyOfVoxel, class IsInside> void fill_row(KeyOfVoxel key_of, IsInside is_inside, Index padded_row) {
    const Index length = grid.row_length();
    Key* to = keys_.data() + padded_row * (length + 2);
    const Index row = grid.image_row(padded_row);
    if (row < 0) {
      std::fill_n(to, length + 2, outside_key_);
      return;
    }
    *to++ = outside_key_;
    const Index first = (dual_ ? grid.row_count() - 1 - row : row) * length;
    const Key flip = dual_ ? Key{-1} : Key{0};
    for (Index x = 0; x < length; ++x)
      to[x] = is_inside(first + x) ? static_cast<Key>(key_of(first + x)) ^ flip : outside_key_;
    if (dual_) std::reverse(to, to + length);
    to[length] = outside_key_;
  }
};

} // namespace segtopo
