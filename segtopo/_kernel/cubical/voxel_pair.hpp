#pragma once

#include <cstdint>

namespace segtopo {

/// A persistent homology class of an image: its dimension and the voxels, as indices in the image, that create and
/// destroy it.
struct VoxelPair {
  static constexpr std::uint32_t never = ~std::uint32_t{0}; ///< the death of an essential class

  std::uint32_t dimension, birth, death;

  bool operator==(const VoxelPair&) const = default;
};

} // namespace segtopo
