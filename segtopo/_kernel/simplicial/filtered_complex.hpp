#pragma once

#include "common/parallel.hpp"
#include "simplicial/simplex_pairs.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace segtopo {

/// The facets of the simplices of one dimension. Simplices are numbered within their dimension, in the order of the
/// filtration.
struct FacetTable {
  std::size_t facets_each;               ///< k + 1 in dimension k
  std::span<const std::uint32_t> facets; ///< simplex after simplex

  std::size_t size() const { return facets.size() / facets_each; }
  std::span<const std::uint32_t> of(std::size_t simplex) const {
    return facets.subspan(simplex * facets_each, facets_each);
  }
};

/// Computes the persistent homology over Z2 of a filtered simplicial complex, by cohomology with clearing.
///
/// tables[k - 1] holds the facets of the k-simplices. Each pair of dimension k has the numbers of a k-simplex and a
/// (k+1)-simplex. Pairs of zero persistence are included. Throws Cancelled.
PairsByDimension filtered_complex_persistence(std::size_t vertex_count, const std::vector<FacetTable>& tables,
                                              const Execution& execution);

} // namespace segtopo
