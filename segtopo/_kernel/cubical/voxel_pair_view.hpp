#pragma once

#include "cubical/ordered_cells.hpp"
#include "cubical/vertex_persistence.hpp"
#include "cubical/voxel_pair.hpp"

#include <cstdint>

namespace segtopo {

/// Translates pairs of critical cells of the V-construction to pairs of voxels of the image.
///
/// In dual order the pairs of voxels are those of the T-construction (Garin et al. 2020). Its classes of dimension k
/// are pairs of cells of dimensions Dim - 1 - k and Dim - k, with birth and death exchanged. Its essential classes of
/// dimension k are essential cells of dimension Dim - k.
template <int Dim, class Key, class Storage> class VoxelPairView {
public:
  VoxelPairView(const VertexPersistence<Dim, Key, Storage>& persistence, bool dual)
      : persistence_(persistence), dual_(dual) {}

  /// The dimension k of the critical cells that create the pairs of cells (k, k + 1) behind a dimension of classes.
  int cell_dimension(int dimension) const { return dual_ ? Dim - 1 - dimension : dimension; }

  /// The dimension of the critical cells of essential classes.
  int essential_cell_dimension(int dimension) const { return dual_ ? Dim - dimension : dimension; }

  const LargeVector<CellPair>& pairs(int dimension) const { return persistence_.pairs[cell_dimension(dimension)]; }

  const CellNumbers& essential(int dimension) const {
    return persistence_.essential[essential_cell_dimension(dimension)];
  }

  VoxelPair pair(int dimension, Index i) const {
    const int k = cell_dimension(dimension);
    const std::uint32_t birth = voxel(k, pairs(dimension)[i].birth), death = voxel(k + 1, pairs(dimension)[i].death);
    return {static_cast<std::uint32_t>(dimension), dual_ ? death : birth, dual_ ? birth : death};
  }

  VoxelPair essential_pair(int dimension, Index i) const {
    const std::uint32_t birth = voxel(essential_cell_dimension(dimension), essential(dimension)[i]);
    return {static_cast<std::uint32_t>(dimension), birth, VoxelPair::never};
  }

  /// The voxel of the image with which a critical cell of dimension k enters the filtration.
  std::uint32_t voxel(int k, std::uint32_t cell) const {
    return static_cast<std::uint32_t>(persistence_.gradient.image.image_index(persistence_.cells(k)[cell].voxel));
  }

private:
  const VertexPersistence<Dim, Key, Storage>& persistence_;
  bool dual_;
};

} // namespace segtopo
