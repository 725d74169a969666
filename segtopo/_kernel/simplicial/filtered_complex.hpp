#pragma once

#include "common/parallel.hpp"
#include "simplicial/simplex_pairs.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace segtopo {

/// The facets of the simplices of one dimension, all numbered within their dimension in the order of the filtration.
struct FacetTable {
  std::size_t facets_each; ///< k + 1 in dimension k
  std::span<const std::uint32_t> facets;

  std::size_t size() const { return facets.size() / facets_each; }
  std::span<const std::uint32_t> of(std::size_t simplex) const {
    return facets.subspan(simplex * facets_each, facets_each);
  }
};

/// The persistent homology over Z2 of a filtered simplicial complex: its vertices and, for each dimension k >= 1, the
/// facets of its k-simplices. Pairs hold the numbers of k- and (k+1)-simplices; those of zero persistence are among
/// them. Throws Cancelled.
PairsByDimension filtered_complex_persistence(std::size_t vertex_count, const std::vector<FacetTable>& tables,
                                              const Execution& execution);

} // namespace segtopo
