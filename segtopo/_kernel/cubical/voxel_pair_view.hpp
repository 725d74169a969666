#pragma once

#include "cubical/vertex_persistence.hpp"

#include <cstdint>

namespace segtopo {

/// What a voxel is: a vertex of the complex (V) or one of its top cells (T).
enum class Construction { vertices, top_cells };

/// A persistent homology class: the voxels, as indices of the image, that give birth to it and that kill it.
struct VoxelPair {
  static constexpr std::uint32_t never = ~std::uint32_t{0}; ///< the death of a class that never dies

  std::uint32_t dimension, birth, death;
};

/// The classes of an image, given by pairs of critical cells of the V-construction.
///
/// In dual order the classes are those of the T-construction: dimension k is dimension Dim - 1 - k of the dual, births
/// and deaths change places, and a class that never dies is a class of the dual relative to the outside, one dimension
/// up (Garin et al. 2020).
template <int Dim, class Key, class Storage> class VoxelPairs {
public:
  VoxelPairs(const VertexPersistence<Dim, Key, Storage>& persistence, bool dual)
      : persistence_(persistence), dual_(dual) {}

  /// The dimension of the critical cells that pairs of a dimension begin with.
  int cell_dimension(int dimension) const { return dual_ ? Dim - 1 - dimension : dimension; }

  /// The dimension of the critical cells of classes that never die.
  int essential_cell_dimension(int dimension) const { return dual_ ? Dim - dimension : dimension; }

  const auto& pairs(int dimension) const { return persistence_.pairs[cell_dimension(dimension)]; }

  const CellNumbers& essential(int dimension) const {
    return persistence_.essential[essential_cell_dimension(dimension)];
  }

  VoxelPair pair(int dimension, Index i) const {
    const int k = cell_dimension(dimension);
    const std::uint32_t birth = voxel(k, pairs(dimension)[i].birth), death = voxel(k + 1, pairs(dimension)[i].death);
    return {static_cast<std::uint32_t>(dimension), dual_ ? death : birth, dual_ ? birth : death};
  }

  VoxelPair essential_class(int dimension, Index i) const {
    const std::uint32_t birth = voxel(essential_cell_dimension(dimension), essential(dimension)[i]);
    return {static_cast<std::uint32_t>(dimension), birth, VoxelPair::never};
  }

  /// The voxel of the image with which a critical cell enters.
  std::uint32_t voxel(int k, std::uint32_t cell) const {
    return static_cast<std::uint32_t>(persistence_.gradient.image.image_index(persistence_.cells(k)[cell].voxel));
  }

private:
  const VertexPersistence<Dim, Key, Storage>& persistence_;
  bool dual_;
};

} // namespace segtopo
