#pragma once

#include "common/bit_tree.hpp"
#include "common/parallel.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <iterator>
#include <span>
#include <vector>

namespace segtopo {

/// Reduces the columns of a matrix over Z2 from left to right. The pivot of a column is its last row. While an earlier
/// column has the same pivot, that column is added.
class ColumnReduction {
public:
  using Row = BitTree::Number; ///< rows are numbered in the order of the filtration
  static constexpr Row none = BitTree::none;

  ColumnReduction(std::size_t row_count, const Execution& execution)
      : by_pivot_(row_count), tree_(row_count), execution_(execution) {}

  /// Reduces the next column and returns its pivot, or `none` if the column becomes zero. The rows of the column are
  /// in falling order and must outlive this object.
  Row reduce(std::span<const Row> column) {
    if (!column.empty() && !by_pivot_[column.front()].empty()) column = sum_with_earlier(column);
    if (column.empty()) return none;
    by_pivot_[column.front()] = column;
    return column.front();
  }

private:
  std::vector<std::span<const Row>> by_pivot_;
  std::deque<std::vector<Row>> sums_; ///< the reduced columns that differ from their input
  std::vector<Row> sum_, merged_;
  BitTree tree_;
  const Execution& execution_;

  /// Short sums are merged; a long sum is kept in a tree of bits.
  std::span<const Row> sum_with_earlier(std::span<const Row> column) {
    constexpr std::size_t short_size = 48;
    sum_.assign(column.begin(), column.end());
    while (!sum_.empty() && !by_pivot_[sum_.front()].empty()) {
      if (sum_.size() > short_size) {
        add_in_tree();
        break;
      }
      execution_.throw_if_cancelled();
      const auto earlier = by_pivot_[sum_.front()];
      merged_.clear();
      std::set_symmetric_difference(sum_.begin() + 1, sum_.end(), earlier.begin() + 1, earlier.end(),
                                    std::back_inserter(merged_), std::greater());
      sum_.swap(merged_);
    }
    return sum_.empty() ? std::span<const Row>() : sums_.emplace_back(sum_);
  }

  /// Adds earlier columns to `sum_` until it is reduced.
  void add_in_tree() {
    for (const Row row : sum_) tree_.flip(row);
    Row pivot;
    while ((pivot = tree_.last()) != none && !by_pivot_[pivot].empty()) {
      execution_.throw_if_cancelled();
      for (const Row row : by_pivot_[pivot]) tree_.flip(row);
    }
    sum_.clear();
    for (Row row; (row = tree_.last()) != none; tree_.flip(row)) sum_.push_back(row);
  }
};

} // namespace segtopo
