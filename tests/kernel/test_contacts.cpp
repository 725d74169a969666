// Tests of the contacts of areas without Python, for the sanitizers: a search through all pairs of voxels.

#include "checks.hpp"
#include "contacts/contacts.hpp"

#include <cstdint>
#include <cstdio>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

using namespace segtopo;

namespace {

using PairCounts = std::map<std::pair<Label, Label>, Index>;

void test_random_rows(Random& random) {
  const std::vector<Index> steps{-1, 1, 5};
  for (int round = 0; round < 200; ++round) {
    std::vector<Label> labels(static_cast<std::size_t>(uniform(random, 1, 60)));
    std::vector<std::uint8_t> masks{0};
    for (int label = 1; label <= 9; ++label) masks.push_back(static_cast<std::uint8_t>(uniform(random, 1, 3)));
    for (Label& label : labels) label = static_cast<Label>(uniform(random, 0, 9));

    PairCounts expected;
    for (Index voxel = 0; voxel < std::ssize(labels); ++voxel)
      for (const Index step : steps) {
        const Index neighbour = voxel + step;
        if (neighbour < 0 || neighbour >= std::ssize(labels)) continue;
        const Label area = labels[voxel], beside = labels[neighbour];
        if ((masks[area] == 1 && (masks[beside] & 2)) || (masks[area] == 2 && (masks[beside] & 1)))
          ++expected[{area, beside}];
      }
    PairCounts found;
    Index last = 0;
    for (const Contact& contact : find_contacts({labels, masks}, steps, {})) {
      found[{labels[contact.voxel], labels[contact.neighbour]}] = contact.count;
      check(contact.voxel >= last, "contacts are in the order of their first voxels");
      last = contact.voxel;
    }
    check(found == expected, "contacts are those of all pairs of neighbours");
  }
}

void test_cancellation() {
  const StopFlag stop{true};
  const std::vector<Label> labels{0, 1, 2};
  const std::vector<std::uint8_t> masks{0, 1, 2};
  const std::vector<Index> steps{1};
  check(throws<Cancelled>([&] { find_contacts({labels, masks}, steps, {1, &stop}); }), "contacts can be cancelled");
}

} // namespace

int main() {
  Random random(4);
  test_random_rows(random);
  test_cancellation();
  std::puts("all tests of contacts passed");
}
