#pragma once

#include "grid.hpp"
#include "lower_star_table.hpp"
#include "ordered_image.hpp"

#include <vector>

namespace segtopo {

enum class Filtration { sublevel, superlevel };

/// What a voxel is: a vertex of the complex (V) or one of its top cells (T).
enum class Construction { vertices, top_cells };

/// A persistent homology class: the voxels, as indices of the image, that give birth to it and that kill it.
struct VoxelPair {
  int dimension;
  Index birth;
  Index death; ///< -1 for a class that never dies
};

/// The persistence pairs of an image in C order: the component that never dies, then the pairs by dimension, in an
/// order that does not depend on the number of threads. Pairs whose two voxels have the same value are left out. Throws
/// NanError, and std::length_error for more voxels than 32-bit numbers count.
template <int Dim, class Value>
std::vector<VoxelPair> cubical_persistence(const Value* image, const Shape<Dim>& shape, Filtration filtration,
                                           Construction construction, const LowerStarTable<Dim>& table,
                                           int num_threads);

} // namespace segtopo
