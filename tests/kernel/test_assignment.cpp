// Tests of the assignment without Python, for the sanitizers.

#include "assignment/bottleneck_matching.hpp"
#include "assignment/partial_assignment.hpp"
#include "checks.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <limits>
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

double length(const std::vector<DiagramPoint>& first, const std::vector<DiagramPoint>& second,
              const std::vector<std::int64_t>& partners) {
  auto to_diagonal = [](const DiagramPoint& point) { return 0.5 * std::abs(point[0] - point[1]); };
  double result = 0;
  std::set<std::int64_t> taken;
  for (std::size_t i = 0; i < first.size(); ++i) {
    if (partners[i] >= 0) check(taken.insert(partners[i]).second, "no point has two partners");
    result = std::max(result, partners[i] < 0 ? to_diagonal(first[i]) : distance(first[i], second[partners[i]]));
  }
  for (std::size_t j = 0; j < second.size(); ++j)
    if (!taken.contains(static_cast<std::int64_t>(j))) result = std::max(result, to_diagonal(second[j]));
  return result;
}

/// Against all matchings.
void test_bottleneck_matching(Random& random) {
  auto any_points = [&] {
    std::vector<DiagramPoint> points(static_cast<std::size_t>(uniform(random, 0, 5)));
    for (DiagramPoint& point : points)
      point = {static_cast<double>(uniform(random, 0, 9)), static_cast<double>(uniform(random, 0, 9))};
    return points;
  };
  const auto first = any_points(), second = any_points();
  std::vector<std::int64_t> partners(first.size(), -1);
  double best = std::numeric_limits<double>::infinity();
  auto choose_from = [&](auto&& self, std::size_t i) -> void {
    if (i == first.size()) {
      best = std::min(best, length(first, second, partners));
      return;
    }
    for (std::int64_t j = -1; j < std::ssize(second); ++j) {
      if (j >= 0 && std::find(partners.begin(), partners.begin() + static_cast<std::ptrdiff_t>(i), j) !=
                        partners.begin() + static_cast<std::ptrdiff_t>(i))
        continue;
      partners[i] = j;
      self(self, i + 1);
    }
    partners[i] = -1;
  };
  choose_from(choose_from, 0);
  check(length(first, second, bottleneck_matching(first, second, {})) == best, "no matching is shorter");
}

/// Searches with many points: the tree of points against all points.
void test_point_tree(Random& random) {
  std::vector<DiagramPoint> points(300);
  for (DiagramPoint& point : points)
    point = {static_cast<double>(uniform(random, 0, 40)), static_cast<double>(uniform(random, 0, 40))};
  PointTree tree(points);
  std::vector<bool> left(points.size(), true);
  for (int i = 0; i < 300; ++i) {
    const DiagramPoint centre{static_cast<double>(uniform(random, -5, 45)),
                              static_cast<double>(uniform(random, 0, 40))};
    double nearest = std::numeric_limits<double>::infinity();
    for (std::size_t j = 0; j < points.size(); ++j)
      if (left[j]) nearest = std::min(nearest, distance(points[j], centre));
    check(tree.nearest(centre) == nearest, "the nearest point left is found");
    check(tree.find_within(centre, nearest - 0.5) == PointTree::none, "no point is nearer");
    const auto found = tree.find_within(centre, nearest);
    check(left[found] && distance(points[found], centre) == nearest, "a point within the distance is found");
    tree.remove(found);
    left[found] = false;
  }
  check(tree.nearest({0, 0}) == std::numeric_limits<double>::infinity(), "no point is left");
  tree.restore();
  check(tree.contains(7), "the points are back");
}

} // namespace

int main() {
  Random random(20);
  for (int round = 0; round < 500; ++round) test_bottleneck_matching(random);
  test_point_tree(random);
  for (int round = 0; round < 50; ++round) test_partial_assignment(random);
  std::puts("all tests of the assignment passed");
}
