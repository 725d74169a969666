#pragma once

#include "common/large_memory.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

namespace segtopo {

/// A number and its sort key.
template <class Key> struct Keyed {
  Key key;
  std::uint32_t number;
};

/// Sorts by rising key. Items with equal keys keep their order (a stable sort).
template <class Key> void radix_sort(LargeVector<Keyed<Key>>& items) {
  using Bits = std::make_unsigned_t<Key>;
  constexpr int digit_bits = 11, key_bits = std::numeric_limits<Bits>::digits;
  constexpr std::size_t digit_values = std::size_t{1} << digit_bits;
  constexpr Bits sign = Bits{1} << (key_bits - 1); // inverted, so that negative keys come first

  LargeVector<Keyed<Key>> sorted(items.size());
  for (int shift = 0; shift < key_bits; shift += digit_bits) {
    auto digit = [shift](const Keyed<Key>& item) {
      return static_cast<std::size_t>((static_cast<Bits>(item.key) ^ sign) >> shift) & (digit_values - 1);
    };
    std::array<std::size_t, digit_values> next{}; // first the count of each digit, then the position of its next item
    for (const Keyed<Key>& item : items) ++next[digit(item)];
    std::size_t begin = 0;
    for (std::size_t& count : next) begin += std::exchange(count, begin);
    for (const Keyed<Key>& item : items) sorted[next[digit(item)]++] = item;
    items.swap(sorted);
  }
}

} // namespace segtopo
