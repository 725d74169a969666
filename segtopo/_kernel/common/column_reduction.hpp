#pragma once

#include "common/parallel.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

namespace segtopo {

/// Reduces the columns of a matrix over Z2 from left to right. The pivot of a column is its last row. While an earlier
/// column has the same pivot, that column is added.
class ColumnReduction {
public:
  using Row = std::uint32_t; ///< rows are numbered in the order of the filtration
  static constexpr Row none = ~Row{0};

  ColumnReduction(std::size_t row_count, const Execution& execution) : by_pivot_(row_count), execution_(execution) {}

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
  std::vector<Row> heap_;
  const Execution& execution_;

  std::span<const Row> sum_with_earlier(std::span<const Row> column) {
    heap_.assign(column.begin(), column.end()); // falling order is a valid heap
    Row pivot;
    while ((pivot = pop()) != none && !by_pivot_[pivot].empty()) {
      execution_.throw_if_cancelled();
      for (const Row row : by_pivot_[pivot].subspan(1)) push(row);
    }
    if (pivot == none) return {};
    std::vector<Row>& sum = sums_.emplace_back(1, pivot);
    for (Row row; (row = pop()) != none;) sum.push_back(row);
    return sum;
  }

  void push(Row row) {
    heap_.push_back(row);
    std::push_heap(heap_.begin(), heap_.end());
  }

  Row pop_once() {
    std::pop_heap(heap_.begin(), heap_.end());
    const Row row = heap_.back();
    heap_.pop_back();
    return row;
  }

  /// Removes and returns the last row that does not cancel. Two equal rows cancel.
  Row pop() {
    while (!heap_.empty()) {
      const Row row = pop_once();
      if (heap_.empty() || heap_.front() != row) return row;
      pop_once();
    }
    return none;
  }
};

} // namespace segtopo
