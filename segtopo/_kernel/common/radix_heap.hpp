#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace segtopo {

/// A sum over Z2 of numbers that finds its smallest number. Two equal numbers cancel.
///
/// This is a radix heap: a number added must not be smaller than the number found last. Each number is in the bucket of
/// the highest bit in which it differs from the number found last.
class RadixHeap {
public:
  using Number = std::uint64_t;

  void clear() {
    for (auto& bucket : buckets_) bucket.clear();
    smallest_ = 0;
  }

  void add(Number number) { buckets_[static_cast<std::size_t>(std::bit_width(number ^ smallest_))].push_back(number); }

  /// Finds the smallest number that does not cancel, without removing it. Returns false if all numbers cancel.
  bool find_smallest(Number& number) {
    auto& equal = buckets_[0];
    while (true) {
      if (equal.size() % 2 == 1) {
        equal.resize(1);
        number = smallest_;
        return true;
      }
      equal.clear();
      const auto bucket = std::ranges::find_if(buckets_, [](const auto& numbers) { return !numbers.empty(); });
      if (bucket == buckets_.end()) return false;
      smallest_ = std::ranges::min(*bucket);
      for (const Number moved : *bucket) add(moved);
      bucket->clear();
    }
  }

private:
  std::array<std::vector<Number>, 65> buckets_;
  Number smallest_ = 0; ///< the number found last
};

} // namespace segtopo
