#pragma once

#include "grid.hpp"
#include "lower_star_table.hpp"
#include "ordered_image.hpp"
#include "parallel.hpp"

#include <cstdint>
#include <vector>

namespace segtopo {

enum class Filtration { sublevel, superlevel };

/// What a voxel is: a vertex of the complex (V) or one of its top cells (T).
enum class Construction { vertices, top_cells };

/// A persistent homology class: the voxels, as indices of the image, that give birth to it and that kill it.
struct VoxelPair {
  static constexpr std::uint32_t never = ~std::uint32_t{0}; ///< the death of a class that never dies

  std::uint32_t dimension, birth, death;
};

/// The persistence pairs of an image in C order: the component that never dies, then the pairs by dimension, in an
/// order that does not depend on the number of threads. Pairs whose two voxels differ in value by no more than
/// `min_persistence` are left out. Throws NanError, Cancelled, and std::length_error for more voxels than 32-bit
/// numbers count.
template <int Dim, class Value>
LargeVector<VoxelPair> cubical_persistence(const Value* image, const Shape<Dim>& shape, Filtration filtration,
                                           Construction construction, Value min_persistence,
                                           const LowerStarTable<Dim>& table, const Execution& execution);

} // namespace segtopo
