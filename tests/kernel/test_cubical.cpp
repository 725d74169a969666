// Tests of the persistence of images without Python, for the sanitizers: laws that hold for every image.

#include "checks.hpp"
#include "cubical/cell_index.hpp"
#include "cubical/cubical_persistence.hpp"
#include "random_images.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace segtopo;

namespace {

template <int Dim, class Value>
LargeVector<VoxelPair> sublevel_pairs(const std::vector<Value>& image, const Shape<Dim>& shape,
                                      Construction construction, int num_threads, const StopFlag* stop = nullptr) {
  return cubical_persistence<Dim, Value>(image.data(), shape, Filtration::sublevel, construction, Value{0},
                                         std::nullopt, table<Dim>(), {num_threads, stop});
}

/// Counts the cells of the voxels up to `threshold` and returns their Euler characteristic. Cells have positions on a
/// grid with twice the resolution.
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
    // Look at the vertices of the cell (V), or at the top cells that contain it (T).
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

/// Checks that the alternating sum of the Betti numbers is the Euler characteristic at every level, and that births
/// come before deaths.
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

template <int Dim, class Value> void test_threads(const Shape<Dim>& shape, Random& random) {
  for (const int levels : {4, 1 << 20}) {
    const auto image = random_image<Value>(size_of<Dim>(shape), levels, random);
    for (const auto construction : {Construction::vertices, Construction::top_cells}) {
      const auto alone = sublevel_pairs<Dim>(image, shape, construction, 1);
      const auto together = sublevel_pairs<Dim>(image, shape, construction, 4);
      check(std::ranges::equal(alone, together), "threads change nothing");
    }
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
    StopFlag stop{false};
    JoinedThreads threads;
    threads.start([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(delay));
      stop = true;
    });
    // A fast machine may finish before.
    throws<Cancelled>([&] { sublevel_pairs<3>(image, shape, Construction::vertices, 3, &stop); });
  }
  const StopFlag stopped{true};
  check(throws<Cancelled>([&] { sublevel_pairs<3>(image, shape, Construction::vertices, 3, &stopped); }),
        "a cancelled computation ends");
}

void test_cell_index(Random& random) {
  Cells cells;
  for (Index voxel = 0; voxel < 1000; voxel += uniform(random, 1, 90))
    for (int code = uniform(random, 1, 4); code < 7; code += 2) cells.push_back({voxel, code});
  const CellIndex number_of(cells);
  for (std::size_t i = 0; i < cells.size(); ++i) check(number_of(cells[i]) == i, "cells are found");
}

/// Checks that the matching is a matching, and that critical cells keep the Euler characteristic of the lower star.
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
          check(table<Dim>().position(id, face) < table<Dim>().position(id, c), "faces enter before cells");
      if (partner == c) critical_sum += sign;
    }
    check(star_sum == critical_sum, "critical cells keep the Euler characteristic");
  }
}

} // namespace

int main() {
  Random random(20);
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
  test_min_persistence(random);
  test_bad_images();
  test_cancellation(random);
  std::puts("all tests of images passed");
}
