#pragma once

#include "grid.hpp"
#include "large_memory.hpp"
#include "parallel.hpp"

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

template <class Value> using KeyOf = std::conditional_t<sizeof(Value) == 4, std::int32_t, std::int64_t>;

/// The integer that has the place of `value` among the values: a < b exactly when order_key(a) <
/// order_key(b). No number but NaN maps to the largest or the smallest integer.
template <class Value> KeyOf<Value> order_key(Value value) {
  using Key = KeyOf<Value>;
  const Key bits = std::bit_cast<Key>(value + Value{0}); // -0 becomes +0: they are equal, their keys must be too
  return bits ^ ((bits >> (8 * sizeof(Key) - 1)) & std::numeric_limits<Key>::max());
}

/// What surrounds the image: nothing (`absent`), or a layer that enters before every voxel (`bottom`).
enum class Surroundings { absent, bottom };

/// How voxels of the filtration follow from the image's values.
struct VoxelOrder {
  bool descending;       ///< high values enter first
  bool last_index_first; ///< among equal values the larger index enters first
  Surroundings surroundings;
};

/// The voxels of an image in their total order (value, index), on a padded grid.
///
/// "Lower" means entering the filtration earlier. A cell of the grid enters with its highest voxel; a cell
/// whose highest voxel is outside the image is not part of the complex, whichever the surroundings.
template <int Dim, class Key> class OrderedImage {
public:
  const Grid<Dim> grid;

  template <class Value>
  OrderedImage(const Value* values, const Shape<Dim>& shape, VoxelOrder order, const Execution& execution)
      : grid(shape), order_(order),
        outside_key_(order.surroundings == Surroundings::absent ? std::numeric_limits<Key>::max()
                                                                : std::numeric_limits<Key>::min()),
        keys_(grid.padded_size) {
    std::atomic<bool> has_nan{false};
    const auto ranges = split(grid.padded_row_count(), 1, execution);
    parallel_for(std::ssize(ranges), execution, [&](Index task) {
      for (Index row = ranges[task].begin; row < ranges[task].end; ++row)
        if (!fill_row(values, row)) has_nan = true;
    });
    if (has_nan) throw NanError();
  }

  Key key(Index voxel) const { return keys_[voxel]; }
  const Key* keys() const { return keys_.data(); }
  bool is_outside(Index voxel) const { return keys_[voxel] == outside_key_; }

  /// The top cell with the given corner of smallest index, as seen from its highest vertex.
  Cell top_cell(Index lowest_corner) const {
    constexpr const auto& cells = star_cells<Dim>;
    constexpr int above = cells.count - 1; // the displacement (1, ..., 1)
    int highest = 0;
    Key highest_key = keys_[lowest_corner];
    for (int v = 1; v < cells.max_vertices; ++v) {
      // The vertices come in the order of their indices: of equal ones the later is higher.
      const Key candidate = keys_[lowest_corner + grid.step[cells.vertex[above][v]]];
      const bool is_higher = candidate >= highest_key;
      highest = is_higher ? v : highest;
      highest_key = is_higher ? candidate : highest_key;
    }
    return {lowest_corner + grid.step[cells.vertex[above][highest]], cells.seen_from[above][highest]};
  }

  /// The index in the given image of a voxel of the padded grid.
  Index image_index(Index voxel) const {
    const Index index = grid.image_index(voxel);
    return order_.last_index_first ? grid.image_size - 1 - index : index;
  }

private:
  VoxelOrder order_;
  Key outside_key_;
  LargeArray<Key> keys_;

  /// Writes the keys of one row of the padded grid; false if it holds NaN.
  /// The larger index enters first when the image is laid out backwards.
  template <class Value> bool fill_row(const Value* values, Index padded_row) {
    const Index length = grid.row_length();
    Key* to = keys_.data() + padded_row * (length + 2);
    const Index row = grid.image_row(padded_row);
    if (row < 0) {
      std::fill_n(to, length + 2, outside_key_);
      return true;
    }
    *to++ = outside_key_;
    const Value* from = values + (order_.last_index_first ? grid.row_count() - 1 - row : row) * length;
    const Key flip = order_.descending ? Key{-1} : Key{0};
    Key nan = 0;
    for (Index x = 0; x < length; ++x) {
      nan |= from[x] != from[x];
      to[x] = order_key(from[x]) ^ flip;
    }
    if (order_.last_index_first) std::reverse(to, to + length);
    to[length] = outside_key_;
    return nan == 0;
  }
};

} // namespace segtopo
