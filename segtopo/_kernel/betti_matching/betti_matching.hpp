#pragma once

#include "common/large_memory.hpp"
#include "common/parallel.hpp"
#include "cubical/filtration.hpp"
#include "cubical/grid.hpp"
#include "cubical/lower_star_table.hpp"
#include "cubical/voxel_pair.hpp"

#include <cstdint>
#include <optional>

namespace segtopo {

/// The persistence pairs of a prediction and a target, and the partners of the prediction's pairs.
struct BettiMatching {
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  LargeVector<VoxelPair> prediction, target; ///< sorted by dimension; in each dimension the essential classes first
  LargeVector<std::uint32_t> partner;        ///< by pair of the prediction: a position in `target`, or `none`
};

/// Matches a class of the prediction with a class of the target if their images in the union die at the same cell
/// (Stucki et al. 2023).
///
/// The union is the voxelwise minimum of both images under sublevel and their maximum under superlevel. The order of
/// the voxels is (prediction, index) for the prediction, (target, prediction, index) for the target, and (union,
/// target, prediction, index) for the union.
///
/// If `threshold` is set, only the voxels whose value in the union is at most the threshold (sublevel) or at least
/// 1 - threshold (superlevel) take part. The voxels outside are coned off: classes alive at the threshold become
/// essential and are matched one to one.
///
/// Throws NanError, Cancelled, and std::length_error for images of more voxels than 32-bit numbers count.
template <int Dim, class Value>
BettiMatching betti_matching(const Value* prediction, const Value* target, const Shape<Dim>& shape,
                             Filtration filtration, Construction construction, std::optional<double> threshold,
                             const LowerStarTable<Dim>& table, const Execution& execution);

} // namespace segtopo
