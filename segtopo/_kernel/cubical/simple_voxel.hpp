#pragma once

#include "cubical/filtration.hpp"

#include <array>
#include <bit>
#include <cstdint>

namespace segtopo {

/// A set of the voxels around a voxel, as bits. Bit 3 (3 z + y) + x is the voxel at the displacement (z, y, x) - 1.
using VoxelBits = std::uint32_t;

template <int Dim> struct Neighbourhood {
  static constexpr int count = Dim == 2 ? 9 : 27;
  static constexpr VoxelBits centre = VoxelBits{1} << count / 2;
  static constexpr VoxelBits around = ((VoxelBits{1} << count) - 1) & ~centre;

  std::array<std::array<int, Dim>, count> displacement{};
  std::array<VoxelBits, count> adjacent{};      ///< by voxel: the voxels with a common corner
  std::array<VoxelBits, count> face_adjacent{}; ///< by voxel: the voxels with a common face
  VoxelBits with_face = 0;                      ///< the voxels that have a face in common with the centre
  VoxelBits with_edge = 0;                      ///< the voxels that have a face or an edge in common with it

  constexpr Neighbourhood() {
    for (int i = 0; i < count; ++i)
      for (int a = Dim - 1, rest = i; a >= 0; --a, rest /= 3) displacement[i][a] = rest % 3 - 1;
    for (int i = 0; i < count; ++i) {
      const int steps = distance(i, count / 2).sum;
      if (steps == 1) with_face |= VoxelBits{1} << i;
      if (steps == 1 || steps == 2) with_edge |= VoxelBits{1} << i;
      for (int j = 0; j < count; ++j) {
        const auto [sum, largest] = distance(i, j);
        if (largest == 1) adjacent[i] |= VoxelBits{1} << j;
        if (sum == 1) face_adjacent[i] |= VoxelBits{1} << j;
      }
    }
  }

private:
  struct Distance {
    int sum, largest;
  };

  constexpr Distance distance(int i, int j) const {
    Distance result{0, 0};
    for (int a = 0; a < Dim; ++a) {
      const int along = displacement[i][a] - displacement[j][a], length = along < 0 ? -along : along;
      result.sum += length;
      result.largest = length > result.largest ? length : result.largest;
    }
    return result;
  }
};

template <int Dim> constexpr Neighbourhood<Dim> neighbourhood{};

/// Counts the components of a set of voxels that have one of the voxels `wanted`.
inline int count_components(VoxelBits set, VoxelBits wanted, const VoxelBits* adjacent) {
  int components = 0;
  for (VoxelBits rest = set & wanted; rest != 0; ++components) {
    VoxelBits reached = rest & -rest;
    for (VoxelBits open = reached; open != 0;) {
      const VoxelBits found = adjacent[std::countr_zero(open)] & set & ~reached;
      reached |= found;
      open = (open & (open - 1)) | found;
    }
    rest &= ~reached;
  }
  return components;
}

/// Tells whether a voxel is simple, given the voxels of the mask around it (Bertrand and Malandain 1994).
template <int Dim> bool is_simple(VoxelBits mask, Construction construction) {
  constexpr const auto& around = neighbourhood<Dim>;
  const VoxelBits background = Neighbourhood<Dim>::around & ~mask;
  const bool full = construction == Construction::top_cells;
  const VoxelBits by_corners = full ? mask : background, by_faces = full ? background : mask;
  return count_components(by_corners, by_corners, around.adjacent.data()) == 1 &&
         count_components(by_faces & around.with_edge, around.with_face, around.face_adjacent.data()) == 1;
}

} // namespace segtopo
