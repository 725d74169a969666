// Tests of repair without Python, for the sanitizers: laws that hold for every image and mask.

#include "checks.hpp"
#include "random_images.hpp"
#include "repair/joining_paths.hpp"
#include "repair/simple_voxels.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <vector>

using namespace segtopo;

namespace {

template <int Dim> Shape<Dim> position_of(Index voxel, const Shape<Dim>& shape) {
  Shape<Dim> position{};
  for (int a = Dim - 1; a >= 0; --a) {
    position[a] = voxel % shape[a];
    voxel /= shape[a];
  }
  return position;
}

/// Whether two voxels have a corner (T) or a face (V) in common.
template <int Dim> bool are_adjacent(Index one, Index other, const Shape<Dim>& shape, Construction construction) {
  const auto a = position_of<Dim>(one, shape), b = position_of<Dim>(other, shape);
  Index sum = 0, largest = 0;
  for (int axis = 0; axis < Dim; ++axis) {
    const Index along = std::abs(a[axis] - b[axis]);
    sum += along;
    largest = std::max(largest, along);
  }
  return construction == Construction::top_cells ? largest == 1 : sum == 1;
}

bool are_equal(const JoiningPaths& one, const JoiningPaths& other) {
  return one.saddles == other.saddles && one.births == other.births && one.starts == other.starts &&
         one.voxels == other.voxels;
}

/// Checks one path of a superlevel filtration.
template <int Dim, class Value>
void check_path(const std::vector<Value>& image, const Shape<Dim>& shape, Construction construction, Value mask_value,
                Value last_value, std::uint32_t saddle, const std::vector<std::uint32_t>& path) {
  check(path.size() >= 3 && image[path.front()] >= mask_value && image[path.back()] >= mask_value,
        "a path leads from the mask to the mask");
  for (std::size_t i = 1; i < path.size(); ++i)
    check(are_adjacent<Dim>(path[i - 1], path[i], shape, construction), "voxels of a path are adjacent");
  for (std::size_t i = 1; i + 1 < path.size(); ++i)
    check(image[path[i]] < mask_value && image[path[i]] >= image[saddle], "a saddle is the last voxel of its path");
  check(image[saddle] >= last_value && std::ranges::count(path, saddle) == 1, "a path has its saddle");
  auto sorted = path;
  std::ranges::sort(sorted);
  check(std::ranges::adjacent_find(sorted) == sorted.end(), "a path has no voxel twice");
}

template <int Dim, class Value>
void test_joining_paths(const Shape<Dim>& shape, int levels, std::size_t least_paths, Random& random) {
  std::vector<Value> image(static_cast<std::size_t>(size_of<Dim>(shape)));
  for (Value& value : image) { // a quarter of the levels is in the mask, but few voxels are
    const int level = uniform(random, 0, levels);
    value = static_cast<Value>(level > levels * 3 / 4 && uniform(random, 0, 5) != 0 ? level / 2 : level);
  }
  const auto mask_value = static_cast<Value>(levels * 3 / 4 + 1);
  for (const auto construction : {Construction::vertices, Construction::top_cells})
    for (const Value last_value : {Value{0}, static_cast<Value>(levels / 4)}) {
      auto paths_on = [&](int num_threads) {
        return joining_paths<Dim, Value>(image.data(), shape, Filtration::superlevel, construction, mask_value,
                                         last_value, table<Dim>(), {num_threads});
      };
      const JoiningPaths paths = paths_on(1);
      check(paths.saddles.size() >= least_paths && paths.births.size() == paths.saddles.size() &&
                paths.starts.size() == paths.saddles.size() + 1 && paths.starts.back() == std::ssize(paths.voxels),
            "each saddle has a path");
      for (std::size_t i = 0; i < paths.saddles.size(); ++i)
        check_path<Dim>(image, shape, construction, mask_value, last_value, paths.saddles[i],
                        {paths.voxels.begin() + paths.starts[i], paths.voxels.begin() + paths.starts[i + 1]});
      for (const int num_threads : {2, 5}) check(are_equal(paths_on(num_threads), paths), "threads change nothing");
    }
}

/// Counts the cells of a mask's complex with alternating signs. Places are those of a grid with twice the resolution,
/// on which voxels are odd. Under T, a cell is in the complex if one of the voxels around its place is in the mask;
/// under V, if all of them are.
template <int Dim>
Index euler_characteristic(const std::vector<std::uint8_t>& mask, const Shape<Dim>& shape, Construction construction) {
  const bool vertices = construction == Construction::vertices;
  Shape<Dim> doubled{};
  for (int a = 0; a < Dim; ++a) doubled[a] = 2 * shape[a] + 1;
  Index result = 0;
  for (Index cell = 0; cell < size_of<Dim>(doubled); ++cell) {
    const auto place = position_of<Dim>(cell, doubled);
    int dimension = 0;
    bool any = false, all = true;
    for (const Index x : place) dimension += x % 2 == (vertices ? 0 : 1);
    for (int corner = 0; corner < 1 << Dim; ++corner) {
      Index index = 0;
      bool inside = true;
      for (int a = 0; a < Dim; ++a) {
        const Index along = (place[a] - 1 + (place[a] % 2 == 0 ? 2 * (corner >> a & 1) - 1 : 0)) / 2;
        inside &= place[a] % 2 == 1 || (corner >> a & 1 ? place[a] < doubled[a] - 1 : place[a] > 0);
        index = index * shape[a] + along;
      }
      const bool in_mask = inside && mask[static_cast<std::size_t>(index)] != 0;
      any |= in_mask;
      all &= in_mask;
    }
    if (vertices ? all : any) result += dimension % 2 == 0 ? 1 : -1;
  }
  return result;
}

template <int Dim> void test_simple_voxels(const Shape<Dim>& shape, Random& random) {
  std::vector<Index> candidates(static_cast<std::size_t>(size_of<Dim>(shape)));
  std::iota(candidates.begin(), candidates.end(), Index{0});
  for (const auto construction : {Construction::vertices, Construction::top_cells})
    for (const int share : {2, 5, 9}) {
      std::vector<std::uint8_t> mask(candidates.size()), added(candidates.size());
      for (auto& voxel : mask) voxel = uniform(random, 0, share) == 0;
      std::ranges::shuffle(candidates, random);
      const auto before = mask;
      add_simple_voxels<Dim>(mask.data(), shape, construction, candidates, added.data());
      for (std::size_t i = 0; i < candidates.size(); ++i)
        check(mask[candidates[i]] == (before[candidates[i]] | added[i]) && added[i] + before[candidates[i]] <= 1,
              "the voxels added are those that are new in the mask");
      check(std::ranges::count(added, 1) > 0, "random masks have simple voxels");
      check(euler_characteristic<Dim>(mask, shape, construction) ==
                euler_characteristic<Dim>(before, shape, construction),
            "simple voxels keep the Euler characteristic");
    }
}

/// A row of three voxels and a voxel beside it.
void test_euler_characteristic() {
  const std::vector<std::uint8_t> mask{1, 1, 1, 0, 0, 0, 0, 1};
  check(euler_characteristic<2>(mask, {2, 4}, Construction::top_cells) == 1, "under T, corners connect");
  check(euler_characteristic<2>(mask, {2, 4}, Construction::vertices) == 2, "under V, only faces connect");
  const std::vector<std::uint8_t> ring{1, 1, 1, 1, 0, 1, 1, 1, 1};
  for (const auto construction : {Construction::vertices, Construction::top_cells})
    check(euler_characteristic<2>(ring, {3, 3}, construction) == 0, "a ring has a loop");
}

} // namespace

int main() {
  Random random(20);
  test_joining_paths<2, float>({300, 410}, 8, 100, random);
  test_joining_paths<2, double>({300, 410}, 1 << 20, 100, random);
  test_joining_paths<3, float>({40, 55, 62}, 1 << 16, 20, random);
  test_joining_paths<3, double>({40, 55, 62}, 8, 20, random);
  for (int round = 0; round < 20; ++round) {
    test_joining_paths<2, float>({uniform(random, 1, 9), uniform(random, 1, 9)}, 6, 0, random);
    test_joining_paths<3, double>({uniform(random, 1, 6), uniform(random, 1, 6), uniform(random, 1, 6)}, 6, 0, random);
  }
  test_euler_characteristic();
  test_simple_voxels<2>({23, 31}, random);
  test_simple_voxels<2>({1, 40}, random);
  test_simple_voxels<3>({9, 11, 13}, random);
  test_simple_voxels<3>({12, 1, 9}, random);
  std::puts("all tests of repair passed");
}
