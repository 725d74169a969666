#include "repair/simple_voxels.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace segtopo {

namespace {

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
int count_components(VoxelBits set, VoxelBits wanted, const VoxelBits* adjacent) {
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

/// The voxels of a mask around a voxel. Outside of the image is background.
template <int Dim> VoxelBits mask_around(const std::uint8_t* mask, const Shape<Dim>& shape, Index voxel) {
  constexpr const auto& around = neighbourhood<Dim>;
  Shape<Dim> position;
  for (Index a = Dim - 1, rest = voxel; a >= 0; --a, rest /= shape[a + 1]) position[a] = rest % shape[a];
  VoxelBits bits = 0;
  for (int i = 0; i < Neighbourhood<Dim>::count; ++i) {
    Index index = 0;
    bool inside = true;
    for (int a = 0; a < Dim; ++a) {
      const Index along = position[a] + around.displacement[i][a];
      inside &= along >= 0 && along < shape[a];
      index = index * shape[a] + along;
    }
    if (inside && mask[index] != 0) bits |= VoxelBits{1} << i;
  }
  return bits & Neighbourhood<Dim>::around;
}

} // namespace

template <int Dim>
void add_simple_voxels(std::uint8_t* mask, const Shape<Dim>& shape, Construction construction,
                       std::span<const Index> candidates, std::uint8_t* added) {
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const Index voxel = candidates[i];
    added[i] = mask[voxel] == 0 && is_simple<Dim>(mask_around<Dim>(mask, shape, voxel), construction);
    mask[voxel] |= added[i];
  }
}

template void add_simple_voxels<2>(std::uint8_t*, const Shape<2>&, Construction, std::span<const Index>, std::uint8_t*);
template void add_simple_voxels<3>(std::uint8_t*, const Shape<3>&, Construction, std::span<const Index>, std::uint8_t*);

} // namespace segtopo
