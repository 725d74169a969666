#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace segtopo {

/// A set of numbers below a limit that finds its largest number: a tree of words of 64 bits (Bauer, Kerber,
/// Reininghaus, Wagner, "PHAT", 2017). A bit of a word tells whether the word below it holds any.
class BitTree {
public:
  using Number = std::uint32_t;
  static constexpr Number none = ~Number{0};

  explicit BitTree(std::size_t limit) {
    do {
      limit = (limit + 63) / 64;
      levels_.emplace_back(limit, Word{0});
    } while (limit > 1);
  }

  /// Adds a number that is not in the set, or removes one that is.
  void flip(Number number) {
    for (auto& words : levels_) {
      Word& word = words[number / 64];
      const bool was_empty = word == 0;
      word ^= Word{1} << (number % 64);
      if (was_empty == (word == 0)) return;
      number /= 64;
    }
  }

  /// The largest number, or `none`.
  Number last() const {
    if (levels_.back()[0] == 0) return none;
    Number number = 0;
    for (std::size_t level = levels_.size(); level-- > 0;)
      number = 64 * number + static_cast<Number>(std::bit_width(levels_[level][number]) - 1);
    return number;
  }

private:
  using Word = std::uint64_t;
  std::vector<std::vector<Word>> levels_; ///< from the leaves to the root
};

} // namespace segtopo
