// Tests of the kernel's common parts without Python, for the sanitizers.

#include "checks.hpp"
#include "common/bit_tree.hpp"
#include "common/column_reduction.hpp"
#include "common/parallel.hpp"
#include "common/radix_heap.hpp"
#include "common/radix_sort.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <stdexcept>
#include <vector>

using namespace segtopo;

namespace {

void test_parallel_for() {
  const Execution execution{4};
  for (const Index count : {0, 1, 3, 4, 5, 100}) {
    std::vector<int> calls(static_cast<std::size_t>(count));
    parallel_for(count, execution, [&](Index i, Index worker) { calls[i] += worker < 4; });
    check(std::ranges::all_of(calls, [](int n) { return n == 1; }), "every task runs once");
  }
  auto fail = [&] {
    parallel_for(50, execution, [](Index i) {
      if (i == 17) throw std::out_of_range("17");
    });
  };
  check(throws<std::out_of_range>(fail), "an exception of a task comes out");
  Index covered = 0;
  for (const auto& [begin, end] : split(1000, 7, execution)) {
    check(begin == covered, "ranges follow one another");
    covered = end;
  }
  check(covered == 1000, "ranges cover everything");
}

void test_run_side_by_side() {
  int one = 0, other = 0;
  run_side_by_side(
      Execution{5}, [&](const Execution& share) { one = share.num_threads; },
      [&](const Execution& share) { other = share.num_threads; });
  check(one == 2 && other == 2, "tasks share the threads");
  auto fail = [](const Execution&) { throw std::out_of_range("task"); };
  check(throws<std::out_of_range>([&] { run_side_by_side(Execution{1}, fail); }), "an exception of a task comes out");
}

template <class Key> void test_radix_sort(Random& random) {
  LargeVector<Keyed<Key>> items(5000);
  std::uniform_int_distribution<Key> any(std::numeric_limits<Key>::min(), std::numeric_limits<Key>::max());
  for (std::size_t i = 0; i < items.size(); ++i)
    items[i] = {i % 3 == 0 ? Key{-1} + static_cast<Key>(i % 2) : any(random), static_cast<std::uint32_t>(i)};
  auto expected = items;
  std::ranges::stable_sort(expected, {}, &Keyed<Key>::key);
  radix_sort(items);
  check(std::ranges::equal(items, expected, {}, &Keyed<Key>::number, &Keyed<Key>::number), "radix sort is stable");
}

/// Against reduction of sets of rows, one by one. The sums of many rows are long.
void test_long_columns(Random& random) {
  using Row = ColumnReduction::Row;
  constexpr Row rows = 5000;
  const Execution execution;
  ColumnReduction reduction(rows, execution);
  std::vector<std::vector<Row>> matrix(400);
  std::map<Row, std::set<Row>> reduced; // by pivot
  for (auto& column : matrix) {
    std::set<Row> sum;
    for (int i = 0; i < 30; ++i) sum.insert(static_cast<Row>(uniform(random, 0, 1) * 4700 + uniform(random, 0, 299)));
    column.assign(sum.rbegin(), sum.rend());
    while (!sum.empty() && reduced.contains(*sum.rbegin()))
      for (const Row row : std::set<Row>(reduced[*sum.rbegin()]))
        if (!sum.insert(row).second) sum.erase(row);
    const Row expected = sum.empty() ? ColumnReduction::none : *sum.rbegin();
    check(reduction.reduce(column) == expected, "pivots are those of a reduction of sets");
    if (!sum.empty()) reduced[expected] = sum;
  }
}

void test_bit_tree(Random& random) {
  for (const std::size_t limit : {1, 64, 65, 4096, 300000}) {
    BitTree tree(limit);
    std::set<BitTree::Number> expected;
    for (int i = 0; i < 500; ++i) {
      const auto number = static_cast<BitTree::Number>(uniform(random, 0, static_cast<int>(limit) - 1));
      tree.flip(number);
      if (!expected.insert(number).second) expected.erase(number);
      check(tree.last() == (expected.empty() ? BitTree::none : *expected.rbegin()), "the largest number is found");
    }
  }
}

/// Against reduction of dense columns, one by one.
void test_column_reduction(Random& random) {
  using Row = ColumnReduction::Row;
  for (int round = 0; round < 50; ++round) {
    const int rows = uniform(random, 1, 12), columns = uniform(random, 1, 14);
    std::vector<std::vector<Row>> matrix(static_cast<std::size_t>(columns));
    for (auto& column : matrix)
      for (int row = rows - 1; row >= 0; --row)
        if (uniform(random, 0, 2) == 0) column.push_back(static_cast<Row>(row));
    const Execution execution;
    ColumnReduction reduction(static_cast<std::size_t>(rows), execution);
    std::vector<std::uint32_t> reduced(static_cast<std::size_t>(rows), 0); // by pivot, rows as bits
    for (const auto& column : matrix) {
      std::uint32_t dense = 0;
      for (const Row row : column) dense |= 1u << row;
      while (dense != 0 && reduced[static_cast<std::size_t>(std::bit_width(dense) - 1)] != 0)
        dense ^= reduced[static_cast<std::size_t>(std::bit_width(dense) - 1)];
      const Row expected = dense == 0 ? ColumnReduction::none : static_cast<Row>(std::bit_width(dense) - 1);
      if (dense != 0) reduced[expected] = dense;
      check(reduction.reduce(column) == expected, "pivots are those of dense reduction");
    }
  }
}

void test_radix_heap(Random& random) {
  RadixHeap sum;
  for (int round = 0; round < 20; ++round) {
    sum.clear();
    std::map<std::uint64_t, int> counts;
    std::uint64_t smallest = 0;
    auto add = [&] {
      const std::uint64_t number = smallest + (std::uint64_t{random()} >> uniform(random, 0, 31));
      sum.add(number);
      ++counts[number];
    };
    for (int i = 0; i < 300; ++i) add();
    while (sum.find_smallest(smallest)) {
      std::erase_if(counts, [&](const auto& item) { return item.first < smallest && item.second % 2 == 0; });
      check(counts.begin()->first == smallest && counts.begin()->second % 2 == 1, "the smallest odd number is found");
      sum.add(smallest);
      ++counts[smallest];
      if (uniform(random, 0, 3) == 0) add();
    }
    check(std::ranges::all_of(counts, [](const auto& item) { return item.second % 2 == 0; }), "all cancel");
  }
}

} // namespace

int main() {
  Random random(20);
  test_parallel_for();
  test_run_side_by_side();
  test_radix_sort<std::int32_t>(random);
  test_radix_sort<std::int64_t>(random);
  test_column_reduction(random);
  test_long_columns(random);
  test_bit_tree(random);
  test_radix_heap(random);
  std::puts("all common tests passed");
}
