#pragma once

#include "grid.hpp"
#include "parallel.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
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
  OrderedImage(const Value* values, const Shape<Dim>& shape, VoxelOrder order, int num_threads)
      : grid(shape), order_(order),
        outside_key_(order.surroundings == Surroundings::absent ? std::numeric_limits<Key>::max()
                                                                : std::numeric_limits<Key>::min()),
        keys_(std::make_unique_for_overwrite<Key[]>(grid.padded_size)) {
    std::fill_n(keys_.get(), grid.padded_size, outside_key_);
    std::atomic<bool> has_nan{false};
    constexpr Index rows_per_task = 256;
    parallel_for((grid.row_count() + rows_per_task - 1) / rows_per_task, num_threads, [&](Index task) {
      const Index end = std::min(grid.row_count(), (task + 1) * rows_per_task);
      for (Index row = task * rows_per_task; row < end; ++row)
        if (!fill_row(values, row)) has_nan = true;
    });
    if (has_nan) throw NanError();
  }

  Key key(Index voxel) const { return keys_[voxel]; }
  const Key* keys() const { return keys_.get(); }
  bool is_outside(Index voxel) const { return keys_[voxel] == outside_key_; }

  bool lower(Index a, Index b) const { return keys_[a] != keys_[b] ? keys_[a] < keys_[b] : a < b; }

  /// The same cell as seen from its highest vertex.
  Cell from_highest_vertex(const Cell& cell) const {
    constexpr const auto& cells = star_cells<Dim>;
    Index highest = cell.voxel;
    int vertex = 0;
    for (int v = 1; v < cells.vertex_count(cell.code); ++v) {
      const Index candidate = cell.voxel + grid.step[cells.vertex[cell.code][v]];
      if (lower(highest, candidate)) {
        highest = candidate;
        vertex = v;
      }
    }
    return {highest, cells.seen_from[cell.code][vertex]};
  }

  /// The index in the given image of a voxel of the padded grid.
  Index image_index(Index voxel) const {
    const Index index = grid.image_index(voxel);
    return order_.last_index_first ? grid.image_size - 1 - index : index;
  }

private:
  VoxelOrder order_;
  Key outside_key_;
  std::unique_ptr<Key[]> keys_;

  /// Writes the keys of one row; false if it holds NaN.
  /// The larger index enters first when the image is laid out backwards.
  template <class Value> bool fill_row(const Value* values, Index row) {
    const Index length = grid.row_length();
    const Index source = order_.last_index_first ? grid.row_count() - 1 - row : row;
    const Value* from = values + source * length;
    Key* to = keys_.get() + grid.row_start(row);
    const Key flip = order_.descending ? Key{-1} : Key{0};
    bool ordered = true;
    for (Index x = 0; x < length; ++x) {
      ordered &= from[x] == from[x];
      to[x] = order_key(from[x]) ^ flip;
    }
    if (order_.last_index_first) std::reverse(to, to + length);
    return ordered;
  }
};

} // namespace segtopo
