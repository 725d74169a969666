#include "repair/simple_voxels.hpp"

#include "cubical/simple_voxel.hpp"

#include <cstddef>
#include <cstdint>

namespace segtopo {

namespace {

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
