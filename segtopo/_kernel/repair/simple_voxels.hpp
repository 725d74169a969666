#pragma once

#include "cubical/filtration.hpp"
#include "cubical/grid.hpp"

#include <cstdint>
#include <span>

namespace segtopo {

/// Adds voxels to a mask where this changes neither its components nor its loops nor its cavities.
///
/// A voxel is simple if it can be added so. The candidates, voxels outside of the mask, are tried one after the other;
/// `added` tells for each whether it was simple and is now in the mask.
template <int Dim>
void add_simple_voxels(std::uint8_t* mask, const Shape<Dim>& shape, Construction construction,
                       std::span<const Index> candidates, std::uint8_t* added);

} // namespace segtopo
