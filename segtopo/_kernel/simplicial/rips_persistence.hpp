#pragma once

#include "common/parallel.hpp"
#include "simplicial/edge_order.hpp"
#include "simplicial/simplex_pairs.hpp"

#include <cstddef>

namespace segtopo {

/// Computes the persistent homology over Z2 of the flag complex of a weighted graph in dimensions 0 .. max_dimension.
///
/// Vertices enter at 0, edges at their lengths, other simplices with their last edge. Births and deaths are numbers of
/// edges of the graph; births in dimension 0 are numbers of vertices. Pairs of zero persistence are left out.
///
/// Throws Cancelled, and std::length_error if 63 bits cannot number the simplices.
PairsByDimension rips_persistence(const WeightedGraph& graph, std::size_t max_dimension, const Execution& execution);

} // namespace segtopo
