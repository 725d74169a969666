#include "contacts/contacts.hpp"

#include <cstddef>
#include <iterator>
#include <unordered_map>
#include <utility>
#include <vector>

namespace segtopo {

namespace {

/// The contacts so far, by the labels of their two areas.
class ContactTable {
public:
  void add(Label area, Label neighbour_area, Index voxel, Index neighbour) {
    const std::uint64_t areas = std::uint64_t{area} << 32 | neighbour_area;
    // Most pairs are of the same areas as the pair before.
    if (areas != last_) {
      const auto [entry, is_new] = numbers_.try_emplace(areas, contacts_.size());
      if (is_new) contacts_.push_back({voxel, neighbour, 0});
      last_ = areas;
      number_ = entry->second;
    }
    ++contacts_[number_].count;
  }

  std::vector<Contact> contacts() && { return std::move(contacts_); }

private:
  std::unordered_map<std::uint64_t, std::size_t> numbers_;
  std::vector<Contact> contacts_;
  std::uint64_t last_ = 0; // of no areas
  std::size_t number_ = 0;
};

} // namespace

std::vector<Contact> find_contacts(const Areas& areas, std::span<const Index> steps, const Execution& execution) {
  constexpr Index voxels_between_checks = 1 << 16;
  constexpr std::uint8_t both = 3;
  const Index size = std::ssize(areas.labels);
  ContactTable table;
  for (Index voxel = 0; voxel < size; ++voxel) {
    if (voxel % voxels_between_checks == 0) execution.throw_if_cancelled();
    const Label area = areas.labels[voxel];
    const std::uint8_t mask = areas.masks[area];
    if (mask == 0 || mask == both) continue;
    const std::uint8_t other_mask = both - mask;
    for (const Index step : steps) {
      const Index neighbour = voxel + step;
      if (neighbour < 0 || neighbour >= size) continue;
      const Label neighbour_area = areas.labels[neighbour];
      if (areas.masks[neighbour_area] & other_mask) table.add(area, neighbour_area, voxel, neighbour);
    }
  }
  return std::move(table).contacts();
}

} // namespace segtopo
