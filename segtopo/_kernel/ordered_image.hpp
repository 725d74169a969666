#pragma once

#include "grid.hpp"
#include "large_memory.hpp"
#include "parallel.hpp"
#include "voxel_storage.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <iterator>
#include <limits>
#include <memory>
#include <stdexcept>
#include <type_traits>

namespace segtopo {

/// An image holds NaN, which has no place in an order.
struct NanError : std::invalid_argument {
  NanError() : std::invalid_argument("the image holds NaN") {}
};

template <class Value> using KeyOf = std::conditional_t<sizeof(Value) <= 4, std::int32_t, std::int64_t>;

/// The integer that has the place of `value` among the values: a < b exactly when order_key(a) <
/// order_key(b). No number but NaN maps to the largest or the smallest integer.
template <class Value> KeyOf<Value> order_key(Value value) {
  using Key = KeyOf<Value>;
  if constexpr (std::is_integral_v<Value>) {
    return Key{value};
  } else {
    const Key bits = std::bit_cast<Key>(value + Value{0}); // -0 becomes +0: they are equal, their keys must be too
    return bits ^ ((bits >> (8 * sizeof(Key) - 1)) & std::numeric_limits<Key>::max());
  }
}

/// Says of every voxel that it is part of the image.
struct Everywhere {
  bool operator()(Index) const { return true; }
};

/// Throws NanError if one of the values is NaN.
template <class Value> void check_for_nan(const Value* values, Index size, const Execution& execution) {
  std::atomic<bool> has_nan{false};
  const auto ranges = split(size, 1 << 14, execution);
  parallel_for(std::ssize(ranges), execution, [&](Index task) {
    KeyOf<Value> nan = 0;
    for (Index i = ranges[task].begin; i < ranges[task].end; ++i) nan |= values[i] != values[i];
    if (nan != 0) has_nan = true;
  });
  if (has_nan) throw NanError();
}

enum class Filtration { sublevel, superlevel };

/// The key of a value in the order in which a filtration takes them.
template <class Value> KeyOf<Value> entry_key(Value value, Filtration filtration) {
  return filtration == Filtration::superlevel ? ~order_key(value) : order_key(value);
}

/// The voxels of an image in a total order (key, index), on a padded grid.
///
/// "Lower" means entering the filtration earlier. A cell of the grid enters with its highest voxel; a cell
/// whose highest voxel is outside the image is not part of the complex. Voxels of the image may be left outside, too.
///
/// The T-construction is dual to the V-construction with the order of the voxels, ties included, turned round, relative
/// to a layer of voxels around the image that enters first (Garin et al. 2020). An image in dual order is laid out
/// backwards: of equal keys the larger index then enters first.
template <int Dim, class Key, class Storage> class OrderedImage {
public:
  const Grid<Dim> grid;
  const Storage& storage;

  /// key_of(i) is the key of voxel i of the image, neither the largest nor the smallest integer, and is_inside(i) tells
  /// whether it is part of it.
  template <class KeyOfVoxel, class IsInside>
  OrderedImage(const Grid<Dim>& padded_grid, const Storage& voxel_storage, bool dual, KeyOfVoxel key_of,
               IsInside is_inside, const Execution& execution)
      : grid(padded_grid), storage(voxel_storage), dual_(dual),
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

  /// A cell, seen from any of its vertices, as seen from the highest.
  Cell seen_from_highest(const Cell& cell) const {
    constexpr const auto& cells = star_cells<Dim>;
    int highest = 0;
    for (int v = 1; v < cells.vertex_count(cell.code); ++v) {
      const Index a = cell.voxel + grid.step[cells.vertex[cell.code][v]];
      const Index b = cell.voxel + grid.step[cells.vertex[cell.code][highest]];
      if (key(a) != key(b) ? key(a) > key(b) : a > b) highest = v;
    }
    return {cell.voxel + grid.step[cells.vertex[cell.code][highest]], cells.seen_from[cell.code][highest]};
  }

  /// The top cell with the given corner of smallest index, as seen from its highest vertex.
  Cell top_cell(Index lowest_corner) const {
    constexpr const auto& cells = star_cells<Dim>;
    constexpr int above = cells.count - 1; // the displacement (1, ..., 1)
    int highest = 0;
    Key highest_key = key(lowest_corner);
    for (int v = 1; v < cells.max_vertices; ++v) {
      // The vertices come in the order of their indices: of equal ones the later is higher.
      const Key candidate = key(lowest_corner + grid.step[cells.vertex[above][v]]);
      const bool is_higher = candidate >= highest_key;
      highest = is_higher ? v : highest;
      highest_key = is_higher ? candidate : highest_key;
    }
    return {lowest_corner + grid.step[cells.vertex[above][highest]], cells.seen_from[above][highest]};
  }

  /// The index in the given image of a voxel of the padded grid.
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
