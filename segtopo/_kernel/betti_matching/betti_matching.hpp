#pragma once

#include "cubical/cubical_persistence.hpp"

#include <cstdint>

namespace segtopo {

/// The classes of two images and which belong together.
struct BettiMatching {
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  LargeVector<VoxelPair> prediction, target; ///< by dimension, those that never die first
  LargeVector<std::uint32_t> partner;        ///< for each class of the prediction, one of the target, or `none`
};

/// Matches the classes of a prediction and a target whose images in their union die together (Stucki et al. 2023).
///
/// The union is the voxelwise minimum of the two under sublevel, their maximum under superlevel. The voxels of the
/// prediction have the order (prediction, index), those of the target (target, prediction, index), those of the union
/// (union, target, prediction, index). For a binary target and a prediction between 0 and 1 the last two are the
/// same; with `binary_shortcut` such a target's filtration also stands for that of the union.
///
/// Only voxels that enter the union by `threshold` (under sublevel; by 1 - threshold under superlevel) take part. What
/// is left outside is one cone: classes that are alive then never die, and those of the images pair off.
template <int Dim, class Value>
BettiMatching betti_matching(const Value* prediction, const Value* target, const Shape<Dim>& shape,
                             Filtration filtration, Construction construction, double threshold, bool binary_shortcut,
                             const LowerStarTable<Dim>& table, const Execution& execution);

} // namespace segtopo
