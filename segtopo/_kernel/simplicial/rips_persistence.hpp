#pragma once

#include "common/parallel.hpp"
#include "simplicial/edge_order.hpp"
#include "simplicial/simplex_pairs.hpp"

#include <cstddef>

namespace segtopo {

/// The persistent homology over Z2 of the flag complex of a weighted graph, in dimensions 0 .. max_dimension. Its
/// vertices enter at 0, its edges with their lengths, other simplices with the last of their edges. Births and deaths
/// are the numbers of edges, the births of components those of vertices; pairs of zero persistence are left out.
///
/// Throws Cancelled, and std::length_error where there are more simplices than can be numbered.
PairsByDimension rips_persistence(const WeightedGraph& graph, std::size_t max_dimension, const Execution& execution);

} // namespace segtopo
