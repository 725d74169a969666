#pragma once

#include "assignment/point_tree.hpp"
#include "common/parallel.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace segtopo {

/// Matches the points of two persistence diagrams so that the largest distance is as small as possible. The distance of
/// an unmatched point is that from the diagonal, half its persistence.
///
/// Returns the partner of each point of `first`, or -1.
std::vector<std::int64_t> bottleneck_matching(std::span<const DiagramPoint> first, std::span<const DiagramPoint> second,
                                              const Execution& execution);

} // namespace segtopo
