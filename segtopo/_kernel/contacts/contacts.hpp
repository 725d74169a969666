#pragma once

#include "common/index.hpp"
#include "common/parallel.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace segtopo {

using Label = std::uint32_t; ///< of an area; 0 is the background

/// The areas of two masks: the components of the voxels that one mask has, that the other has, and that both have.
struct Areas {
  std::span<const Label> labels;       ///< of the voxels; the image has a border of background
  std::span<const std::uint8_t> masks; ///< by label: 1 for the first mask, 2 for the second, 3 for both, 0 for none
};

/// The pairs of neighbouring voxels, one of an area of one mask alone, one of an area that the other mask has.
struct Contact {
  Index voxel, neighbour; ///< the first pair of these two areas
  Index count;            ///< of pairs
};

/// Finds the contacts of the areas of one mask alone with those of the other mask, in the order of their first voxels.
///
/// The steps lead from a voxel to its neighbours. Throws Cancelled.
std::vector<Contact> find_contacts(const Areas& areas, std::span<const Index> steps, const Execution& execution);

} // namespace segtopo
