#pragma once

#include "common/index.hpp"
#include "common/parallel.hpp"

#include <atomic>
#include <bit>
#include <cstdint>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <type_traits>

namespace segtopo {

/// The direction of the filtration: rising or falling values.
enum class Filtration { sublevel, superlevel };

/// The cells that the voxels of an image stand for: the vertices (V) or the top cells (T) of the complex.
enum class Construction { vertices, top_cells };

/// Thrown for an image that holds NaN: NaN has no order.
struct NanError : std::invalid_argument {
  NanError() : std::invalid_argument("the image holds NaN") {}
};

/// The integer type of the keys by which values are compared.
template <class Value> using KeyOf = std::conditional_t<sizeof(Value) <= 4, std::int32_t, std::int64_t>;

/// Maps values to integers of the same order: a < b exactly when order_key(a) < order_key(b). Only NaN maps to the
/// largest or the smallest integer.
template <class Value> KeyOf<Value> order_key(Value value) {
  using Key = KeyOf<Value>;
  if constexpr (std::is_integral_v<Value>) {
    return Key{value};
  } else {
    const Key bits = std::bit_cast<Key>(value + Value{0}); // + 0 turns -0 into +0: equal values need equal keys
    return bits ^ ((bits >> (8 * sizeof(Key) - 1)) & std::numeric_limits<Key>::max());
  }
}

/// The key of a value in the order of the filtration: the earlier a value enters, the smaller is its key.
template <class Value> KeyOf<Value> entry_key(Value value, Filtration filtration) {
  return filtration == Filtration::superlevel ? ~order_key(value) : order_key(value);
}

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

/// A predicate of voxels: all voxels of the image are inside.
struct Everywhere {
  bool operator()(Index) const { return true; }
};

} // namespace segtopo
