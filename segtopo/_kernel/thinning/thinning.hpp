#pragma once

#include "common/parallel.hpp"
#include "cubical/grid.hpp"

#include <cstdint>

namespace segtopo {

/// Thins a mask to a skeleton with the same components, loops and cavities (T-construction).
///
/// Throws Cancelled, and std::length_error for masks of more voxels than 32-bit numbers count.
template <int Dim> void thin(std::uint8_t* mask, const Shape<Dim>& shape, const Execution& execution);

} // namespace segtopo
