#pragma once

#include "cubical/grid.hpp"
#include "cubical/lower_star_table.hpp"
#include "cubical/ordered_image.hpp"
#include "common/parallel.hpp"
#include "cubical/voxel_pair_view.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>

namespace segtopo {

/// The persistence pairs of an image in C order, by dimension, the classes that never die first, in an order that does
/// not depend on the number of threads. Pairs whose two voxels differ in value by no more than `min_persistence` are
/// left out. With a threshold only the voxels that enter by then take part: classes alive then never die.
///
/// Throws NanError, Cancelled, and std::length_error for more voxels than 32-bit numbers count.
template <int Dim, class Value>
LargeVector<VoxelPair> cubical_persistence(const Value* image, const Shape<Dim>& shape, Filtration filtration,
                                           Construction construction, Value min_persistence,
                                           std::optional<Value> threshold, const LowerStarTable<Dim>& table,
                                           const Execution& execution);

/// Throws std::length_error for images of more voxels than 32-bit numbers count.
template <int Dim> void check_size(const Grid<Dim>& grid) {
  if (grid.padded_size >= std::numeric_limits<std::uint32_t>::max() - 1)
    throw std::length_error("images of up to 2^32 voxels, with one more on every side, are supported");
}

/// No more threads than an image keeps busy: for fewer voxels, starting a thread takes longer than it saves.
template <int Dim> Execution useful_threads(const Grid<Dim>& grid, const Execution& wanted) {
  constexpr Index least_voxels_per_thread = 1 << 15;
  const Index useful = 1 + grid.image_size / least_voxels_per_thread;
  return {static_cast<int>(std::min<Index>(wanted.num_threads, useful)), wanted.stop};
}

} // namespace segtopo
