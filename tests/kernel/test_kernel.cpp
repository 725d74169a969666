// Tests of the kernel without Python, for the sanitizers: laws that hold whatever the algorithm, on random images.

#include "betti_matching/betti_matching.hpp"
#include "cubical/cell_index.hpp"
#include "checks.hpp"
#include "common/column_reduction.hpp"
#include "cubical/cubical_persistence.hpp"
#include "cubical/lower_star_gradient.hpp"
#include "assignment/partial_assignment.hpp"
#include "common/radix_sort.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

using namespace segtopo;

namespace {

template <int Dim> Index size_of(const Shape<Dim>& shape) {
  Index size = 1;
  for (const Index n : shape) size *= n;
  return size;
}

/// Few levels make ties and plateaus, many make nearly all values differ.
template <class Value> std::vector<Value> random_image(Index size, int levels, Random& random) {
  std::vector<Value> image(static_cast<std::size_t>(size));
  for (Value& value : image) value = static_cast<Value>(uniform(random, -levels / 2, levels / 2)) / 4;
  return image;
}

template <int Dim> const LowerStarTable<Dim>& table() {
  static const LowerStarTable<Dim> instance;
  return instance;
}

template <int Dim, class Value>
LargeVector<VoxelPair> sublevel_pairs(const std::vector<Value>& image, const Shape<Dim>& shape,
                                      Construction construction, int num_threads, std::stop_token stop = {}) {
  return cubical_persistence<Dim, Value>(image.data(), shape, Filtration::sublevel, construction, Value{0},
                                         std::nullopt, table<Dim>(), {num_threads, stop});
}

/// The Euler characteristic of the voxels up to `threshold`, as vertices or as top cells, by counting cells. Cells lie
/// between the voxels of the grid or of a grid that is one larger: a cell is a box of one or two positions an axis.
template <int Dim, class Value>
Index euler_characteristic(const std::vector<Value>& image, const Shape<Dim>& shape, Construction construction,
                           Value threshold) {
  auto value = [&](const Shape<Dim>& voxel) {
    Index index = 0;
    for (int a = 0; a < Dim; ++a) index = index * shape[a] + voxel[a];
    return image[static_cast<std::size_t>(index)];
  };
  const bool vertices = construction == Construction::vertices;
  Index result = 0;
  Shape<Dim> doubled{}; // positions from 0 to 2 n: odd ones are voxels as top cells, even ones are voxels as vertices
  auto count_from = [&](auto&& self, int axis) -> void {
    if (axis < Dim) {
      const Index last = vertices ? 2 * shape[axis] - 2 : 2 * shape[axis];
      for (doubled[axis] = 0; doubled[axis] <= last; ++doubled[axis]) self(self, axis + 1);
      return;
    }
    // The voxels of which the cell is a face (T), or that are its vertices (V).
    bool any = false, all = true;
    int dimension = 0;
    for (const Index position : doubled) dimension += position % 2;
    for (int corner = 0; corner < 1 << Dim; ++corner) {
      Shape<Dim> voxel;
      bool inside = true;
      for (int a = 0; a < Dim; ++a) {
        const bool between = vertices == (doubled[a] % 2 == 1);
        voxel[a] = doubled[a] / 2 - (!vertices && between) + (between && (corner >> a & 1));
        inside &= voxel[a] >= 0 && voxel[a] < shape[a];
      }
      if (!inside) continue;
      const bool entered = value(voxel) <= threshold;
      any |= entered;
      all &= entered;
    }
    if (vertices ? all : any) result += dimension % 2 == 0 ? 1 : -1;
  };
  count_from(count_from, 0);
  return result;
}

/// Betti numbers from the pairs sum to the Euler characteristic at every level; no voxel gives birth after the death.
template <int Dim, class Value>
void check_euler_poincare(const std::vector<Value>& image, const Shape<Dim>& shape, Construction construction) {
  const auto pairs = sublevel_pairs<Dim>(image, shape, construction, 1);
  for (const Value threshold : std::set<Value>(image.begin(), image.end())) {
    Index alternating = 0;
    for (const auto& [dimension, birth, death] : pairs) {
      const bool dead = death != VoxelPair::never && image[death] <= threshold;
      check(death == VoxelPair::never || image[birth] < image[death], "births come before deaths");
      if (image[birth] <= threshold && !dead) alternating += dimension % 2 == 0 ? 1 : -1;
    }
    check(alternating == euler_characteristic<Dim>(image, shape, construction, threshold), "Euler-Poincare");
  }
}

template <int Dim, class Value> void test_random_images(Random& random) {
  for (int round = 0; round < 40; ++round) {
    Shape<Dim> shape;
    for (Index& n : shape) n = uniform(random, 1, Dim == 2 ? 12 : 7);
    const int levels = std::vector{0, 2, 6, 1000}[round % 4];
    const auto image = random_image<Value>(size_of<Dim>(shape), levels, random);
    for (const auto construction : {Construction::vertices, Construction::top_cells})
      check_euler_poincare<Dim>(image, shape, construction);
  }
}

bool operator==(const VoxelPair& a, const VoxelPair& b) {
  return std::tie(a.dimension, a.birth, a.death) == std::tie(b.dimension, b.birth, b.death);
}

template <int Dim, class Value> void test_threads(const Shape<Dim>& shape, Random& random) {
  for (const int levels : {4, 1 << 20}) {
    const auto image = random_image<Value>(size_of<Dim>(shape), levels, random);
    for (const auto construction : {Construction::vertices, Construction::top_cells}) {
      const auto alone = sublevel_pairs<Dim>(image, shape, construction, 1);
      const auto together = sublevel_pairs<Dim>(image, shape, construction, 4);
      check(std::ranges::equal(alone, together, [](auto a, auto b) { return a == b; }), "threads change nothing");
    }
  }
}

/// A binary target matches as any other does, on any number of threads; an image matches itself, class by class.
template <int Dim, class Value> void test_matching(const Shape<Dim>& shape, Random& random) {
  std::vector<Value> prediction(static_cast<std::size_t>(size_of<Dim>(shape))), target(prediction);
  for (Value& value : prediction) value = static_cast<Value>(uniform(random, 0, 50)) / 50;
  for (Value& value : target) value = static_cast<Value>(uniform(random, 0, 1));
  for (const double threshold : {0.0, 0.7, 1.0})
    for (const auto construction : {Construction::vertices, Construction::top_cells}) {
      auto match = [&](const std::vector<Value>& to, bool binary_shortcut, int num_threads) {
        return betti_matching<Dim, Value>(prediction.data(), to.data(), shape, Filtration::superlevel, construction,
                                          threshold, binary_shortcut, table<Dim>(), {num_threads});
      };
      auto partners = [](const BettiMatching& matching) {
        std::set<std::array<std::uint32_t, 6>> found;
        for (std::size_t i = 0; i < matching.prediction.size(); ++i) {
          if (matching.partner[i] == BettiMatching::none) continue;
          const VoxelPair &one = matching.prediction[i], &other = matching.target[matching.partner[i]];
          found.insert({one.dimension, one.birth, one.death, other.dimension, other.birth, other.death});
        }
        return found;
      };
      const auto expected = partners(match(target, false, 1));
      check(expected.size() > 1, "random images have classes to match");
      for (const int num_threads : {1, 3})
        check(partners(match(target, true, num_threads)) == expected, "binary targets are no exception");
      const auto own = match(prediction, false, 2);
      for (std::size_t i = 0; i < own.partner.size(); ++i)
        check(own.partner[i] == i && own.prediction[i] == own.target[i], "an image matches itself");
    }
}

void test_min_persistence(Random& random) {
  const Shape<3> shape{9, 10, 11};
  const auto image = random_image<float>(size_of<3>(shape), 40, random);
  const auto all = sublevel_pairs<3>(image, shape, Construction::vertices, 2);
  const auto some = cubical_persistence<3, float>(image.data(), shape, Filtration::sublevel, Construction::vertices, 3,
                                                  std::nullopt, table<3>(), {2});
  const auto is_long = [&](const VoxelPair& pair) {
    return pair.death == VoxelPair::never || std::abs(image[pair.birth] - image[pair.death]) > 3;
  };
  check(some.size() < all.size(), "short pairs are left out");
  check(std::ssize(some) == std::ranges::count_if(all, is_long), "long pairs are kept");
}

void test_bad_images() {
  const std::vector<float> image{0, 1, std::nanf(""), 3, 4, 5};
  check(throws<NanError>([&] { sublevel_pairs<2>(image, {2, 3}, Construction::vertices, 2); }), "NaN is refused");
  const Shape<3> huge{1 << 11, 1 << 11, 1 << 11};
  check(throws<std::length_error>([&] { sublevel_pairs<3>(image, huge, Construction::vertices, 2); }),
        "more voxels than numbers are refused");
}

void test_cancellation(Random& random) {
  const Shape<3> shape{64, 65, 66};
  const auto image = random_image<float>(size_of<3>(shape), 1 << 20, random);
  for (const int delay : {0, 5, 20, 60}) { // milliseconds: in different stages
    std::stop_source stop;
    const std::jthread later([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(delay));
      stop.request_stop();
    });
    // A machine may be quick enough to be done before.
    throws<Cancelled>([&] { sublevel_pairs<3>(image, shape, Construction::vertices, 3, stop.get_token()); });
  }
  std::stop_source stopped;
  stopped.request_stop();
  check(throws<Cancelled>([&] { sublevel_pairs<3>(image, shape, Construction::vertices, 3, stopped.get_token()); }),
        "a cancelled computation ends");
}

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

void test_cell_index(Random& random) {
  Cells cells;
  for (Index voxel = 0; voxel < 1000; voxel += uniform(random, 1, 90))
    for (int code = uniform(random, 1, 4); code < 7; code += 2) cells.push_back({voxel, code});
  const CellIndex number_of(cells);
  for (std::size_t i = 0; i < cells.size(); ++i) check(number_of(cells[i]) == i, "cells are found");
}

/// Pairs are mutual and of neighbouring dimensions, and the critical cells have the Euler characteristic of the star
/// relative to its lower link: 1 minus that of the link.
template <int Dim> void test_lower_star_table(Random& random) {
  constexpr const auto& cells = star_cells<Dim>;
  for (int round = 0; round < 2000; ++round) {
    std::uint32_t star = 1, wanted = random();
    for (int c = 1; c < cells.count; ++c)
      if (wanted >> c & 1 && (star & cells.faces[c]) == cells.faces[c]) star |= 1u << c;
    const auto id = table<Dim>().id_of(star);
    int star_sum = 0, critical_sum = 0;
    for (int c = 0; c < cells.count; ++c) {
      if (!(star >> c & 1)) continue;
      const int sign = cells.dimension[c] % 2 == 0 ? 1 : -1, partner = table<Dim>().partner(id, c);
      star_sum += sign;
      check(star >> partner & 1 && table<Dim>().partner(id, partner) == c, "pairs are mutual");
      check(partner == c || std::abs(cells.dimension[c] - cells.dimension[partner]) == 1, "pairs are of neighbours");
      check((partner == c) == (table<Dim>().critical(id) >> c & 1), "critical cells have no partner");
      for (int face = 0; face < c; ++face)
        if (cells.faces[c] >> face & 1)
          check(table<Dim>().place(id, face) < table<Dim>().place(id, c), "faces enter before cells");
      if (partner == c) critical_sum += sign;
    }
    check(star_sum == critical_sum, "critical cells keep the Euler characteristic");
  }
}

/// The conditions of optimality hold among the pairs, first for some of them, then for all, from where the first ended.
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
  test_parallel_for();
  test_radix_sort<std::int32_t>(random);
  test_radix_sort<std::int64_t>(random);
  test_column_reduction(random);
  for (int round = 0; round < 50; ++round) test_partial_assignment(random);
  test_cell_index(random);
  test_lower_star_table<2>(random);
  test_lower_star_table<3>(random);
  test_random_images<2, float>(random);
  test_random_images<2, double>(random);
  test_random_images<3, float>(random);
  test_random_images<3, double>(random);
  test_threads<2, float>({301, 190}, random);
  test_threads<3, float>({30, 41, 23}, random);
  test_threads<3, double>({9, 40, 33}, random);
  test_matching<2, float>({41, 30}, random);
  test_matching<3, float>({12, 17, 9}, random);
  test_matching<3, double>({40, 33, 31}, random);
  test_min_persistence(random);
  test_bad_images();
  test_cancellation(random);
  std::puts("all kernel tests passed");
}
