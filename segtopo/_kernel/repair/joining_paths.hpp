#pragma once

#include "cubical/cubical_persistence.hpp"

#include <cstdint>
#include <vector>

namespace segtopo {

/// Paths between the pieces of a mask, in the order in which they join them. The mask is the part of an image that has
/// entered the filtration at a level; its pieces are its components.
struct JoiningPaths {
  std::vector<std::uint32_t> saddles; ///< by path: its last voxel to enter the filtration
  std::vector<std::uint32_t> births;  ///< by path: the first voxel of the younger of the two pieces
  std::vector<Index> starts;          ///< by path: its first position in `voxels`; then the size of `voxels`
  std::vector<std::uint32_t> voxels; ///< from a voxel of one piece to a voxel of the other; between them, none is in it
};

/// Computes, for each pair of dimension 0 that is born in the mask and dies between it and `last_value`, the path along
/// which its saddle joins the two pieces.
///
/// The path leads from the saddle to both pieces by steepest ascent (superlevel) and over further saddles where an
/// ascent ends outside of the mask. So no other path between the two pieces has a last voxel that enters earlier: it
/// is a minimax path. `mask_value` is the value of the last voxels in the mask.
///
/// Throws NanError, Cancelled, and std::length_error for images of more voxels than 32-bit numbers count.
template <int Dim, class Value>
JoiningPaths joining_paths(const Value* image, const Shape<Dim>& shape, Filtration filtration,
                           Construction construction, Value mask_value, Value last_value,
                           const LowerStarTable<Dim>& table, const Execution& execution);

} // namespace segtopo
