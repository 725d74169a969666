#pragma once

#include "common/large_memory.hpp"
#include "common/parallel.hpp"
#include "cubical/filtration.hpp"
#include "cubical/grid.hpp"
#include "cubical/lower_star_table.hpp"
#include "cubical/voxel_pair.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>

namespace segtopo {

/// Computes the persistence pairs of an image in C order.
///
/// The pairs are sorted by dimension; in each dimension the essential classes come first. The order does not depend on
/// the number of threads. Pairs whose two voxels differ in value by at most `min_persistence` are left out. If
/// `last_value` is set, the filtration ends at this value of the image, and classes alive there are essential.
///
/// Throws NanError, Cancelled, and std::length_error for images of more voxels than 32-bit numbers count.
template <int Dim, class Value>
LargeVector<VoxelPair> cubical_persistence(const Value* image, const Shape<Dim>& shape, Filtration filtration,
                                           Construction construction, Value min_persistence,
                                           std::optional<Value> last_value, const LowerStarTable<Dim>& table,
                                           const Execution& execution);

/// Throws std::length_error for images of more voxels than 32-bit numbers count.
template <int Dim> void check_size(const Grid<Dim>& grid) {
  if (grid.padded_size >= std::numeric_limits<std::uint32_t>::max() - 1)
    throw std::length_error("images of up to 2^32 voxels, including a layer around the image, are supported");
}

/// Limits the threads to a number that saves time. For few voxels, starting a thread takes longer than its work.
template <int Dim> Execution useful_threads(const Grid<Dim>& grid, const Execution& wanted) {
  constexpr Index least_voxels_per_thread = 1 << 15;
  const Index useful = 1 + grid.image_size / least_voxels_per_thread;
  return {static_cast<int>(std::min<Index>(wanted.num_threads, useful)), wanted.stop};
}

} // namespace segtopo
