// Tests of the assignment without Python, for the sanitizers.

#include "assignment/partial_assignment.hpp"
#include "checks.hpp"

#include <cstdint>
#include <cstdio>
#include <iterator>
#include <set>
#include <vector>

using namespace segtopo;

namespace {

/// Checks the conditions of optimality: first for some of the pairs, then, starting from that solution, for all pairs.
void test_partial_assignment(Random& random) {
  constexpr int rows = 40, columns = 31;
  std::vector<std::int64_t> mates(rows, -1);
  std::vector<double> row_duals(rows), column_duals(columns);
  std::vector<double> table(rows * columns);
  for (double& cost : table) cost = uniform(random, -100, 40);
  for (const int step : {5, 1}) {
    std::vector<std::int64_t> starts{0}, of_pairs;
    std::vector<double> costs;
    for (int i = 0; i < rows; ++i) {
      for (int j = i % step; j < columns; j += step) {
        of_pairs.push_back(j);
        costs.push_back(table[i * columns + j]);
      }
      starts.push_back(std::ssize(of_pairs));
    }
    PartialAssignment({starts, of_pairs, costs}, {mates, row_duals, column_duals}, 0).solve({});
    std::set<std::int64_t> taken;
    for (int i = 0; i < rows; ++i) {
      for (auto k = starts[i]; k < starts[i + 1]; ++k)
        check(costs[k] >= row_duals[i] + column_duals[of_pairs[k]], "duals are feasible");
      if (mates[i] < 0) {
        check(row_duals[i] == 0, "the dual of an unmatched row is 0");
        continue;
      }
      check(taken.insert(mates[i]).second, "no column has two mates");
      check(table[i * columns + mates[i]] == row_duals[i] + column_duals[mates[i]], "matched pairs are tight");
    }
    for (int j = 0; j < columns; ++j) {
      check(column_duals[j] <= 0, "duals are at most 0");
      check(taken.contains(j) || column_duals[j] == 0, "the dual of an unmatched column is 0");
    }
  }
}

} // namespace

int main() {
  Random random(20);
  for (int round = 0; round < 50; ++round) test_partial_assignment(random);
  std::puts("all tests of the assignment passed");
}
