#pragma once

#include "large_memory.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

namespace segtopo {

/// A number with the key it is sorted by.
template <class Key> struct Keyed {
  Key key;
  std::uint32_t number;
};

/// Sorts by key, the smallest first; items with equal keys stay in their order.
template <class Key> void radix_sort(LargeVector<Keyed<Key>>& items) {
  using Bits = std::make_unsigned_t<Key>;
  constexpr int digit_bits = 11, key_bits = std::numeric_limits<Bits>::digits;
  constexpr std::size_t digit_values = std::size_t{1} << digit_bits;
  constexpr Bits sign = Bits{1} << (key_bits - 1); // turned round, so that negative keys come first

  LargeVector<Keyed<Key>> sorted(items.size());
  for (int shift = 0; shift < key_bits; shift += digit_bits) {
    auto digit = [shift](const Keyed<Key>& item) {
      return static_cast<std::size_t>((static_cast<Bits>(item.key) ^ sign) >> shift) & (digit_values - 1);
    };
    std::array<std::size_t, digit_values> place{};
    for (const Keyed<Key>& item : items) ++place[digit(item)];
    std::size_t begin = 0;
    for (std::size_t& count : place) begin += std::exchange(count, begin);
    for (const Keyed<Key>& item : items) sorted[place[digit(item)]++] = item;
    items.swap(sorted);
  }
}

} // namespace segtopo
