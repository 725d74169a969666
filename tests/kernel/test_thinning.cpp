// Tests of thinning without Python, for the sanitizers: laws that hold for every mask.

#include "checks.hpp"
#include "random_images.hpp"
#include "thinning/thinning.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <vector>

using namespace segtopo;

namespace {

template <int Dim> void test_random_masks(const Shape<Dim>& shape, Random& random) {
  for (const int share : {1, 3, 9}) {
    std::vector<std::uint8_t> mask(static_cast<std::size_t>(size_of<Dim>(shape)));
    for (auto& voxel : mask) voxel = uniform(random, 0, share) != 0;
    auto skeleton = mask;
    thin<Dim>(skeleton.data(), shape, {});
    for (std::size_t i = 0; i < mask.size(); ++i) check(skeleton[i] <= mask[i], "a skeleton lies in its mask");
    check(std::ranges::count(skeleton, 1) > 0 || std::ranges::count(mask, 1) == 0, "a mask has a skeleton");
    auto again = skeleton;
    thin<Dim>(again.data(), shape, {});
    check(again == skeleton, "a skeleton is its own skeleton");
  }
}

void test_known_masks() {
  std::vector<std::uint8_t> block(6 * 9, 1), ring(5 * 6, 1);
  thin<2>(block.data(), {6, 9}, {});
  check(std::ranges::count(block, 1) <= 9, "a block becomes a line");
  ring[2 * 6 + 2] = 0;
  thin<2>(ring.data(), {5, 6}, {});
  check(ring[2 * 6 + 2] == 0 && std::ranges::count(ring, 1) >= 4, "a ring remains around its hole");
}

void test_cancellation() {
  const StopFlag stop{true};
  std::vector<std::uint8_t> mask(7 * 8 * 9, 1);
  check(throws<Cancelled>([&] { thin<3>(mask.data(), {7, 8, 9}, {1, &stop}); }), "thinning can be cancelled");
}

} // namespace

int main() {
  Random random(21);
  test_random_masks<2>({61, 48}, random);
  test_random_masks<2>({1, 30}, random);
  test_random_masks<3>({17, 21, 19}, random);
  test_random_masks<3>({1, 1, 9}, random);
  test_known_masks();
  test_cancellation();
  std::puts("all tests of thinning passed");
}
