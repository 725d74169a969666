#pragma once

#include "common/parallel.hpp"
#include "common/radix_heap.hpp"
#include "simplicial/common_neighbours.hpp"
#include "simplicial/edge_order.hpp"
#include "simplicial/flag_complex.hpp"
#include "simplicial/simplex_index.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

namespace segtopo {

/// Persistent cohomology in one dimension: reduces the coboundaries of simplices, from the last simplex to the first.
///
/// A reduced column is stored as the simplices whose coboundaries it is the sum of. Their cofacets are listed again
/// when the column is added. Columns of apparent pairs are not stored.
template <class Neighbours> class CohomologyReduction {
public:
  using Columns = std::unordered_map<SimplexIndex, std::uint32_t>; ///< by pivot: the number of the column

  CohomologyReduction(FlagComplex<Neighbours>& complex, const Execution& execution)
      : complex_(complex), execution_(execution) {}

  /// Reduces the next column and finds its pivot. Returns false if the column becomes zero: the simplex creates an
  /// essential class.
  bool reduce(SimplexIndex simplex, SimplexIndex& pivot) {
    if (complex_.find_cofacet_of_same_edge(simplex, pivot) && is_free(pivot)) { // an emergent pair
      store(pivot, {simplex});
      return true;
    }
    const EdgeRank edge = complex_.simplices.edge(simplex);
    listed_ = {0, edge + std::min(first_width, complex_.edge_count() - edge)};
    sum_.clear();
    summands_.clear();
    add(simplex);
    while (find_pivot(pivot, edge)) {
      execution_.throw_if_cancelled();
      SimplexIndex facet;
      if (const auto column = columns_.find(pivot); column != columns_.end()) {
        for (const SimplexIndex summand : summands_of_[column->second]) add(summand);
      } else if (complex_.find_apparent_facet(pivot, facet)) {
        add(facet);
      } else {
        cancel_pairs(summands_);
        store(pivot, summands_);
        return true;
      }
    }
    return false;
  }

  /// Moves the columns out.
  Columns take_columns() { return std::move(columns_); }

private:
  static constexpr EdgeRank first_width = 512; ///< the width of the first range of last edges

  FlagComplex<Neighbours>& complex_;
  const Execution& execution_;
  RadixHeap sum_;
  EdgeRange listed_; ///< the cofacets with these last edges are in the sum
  std::vector<SimplexIndex> summands_;
  std::vector<std::vector<SimplexIndex>> summands_of_; ///< by column
  Columns columns_;

  bool is_free(SimplexIndex cofacet) {
    SimplexIndex facet;
    return !columns_.contains(cofacet) && !complex_.find_apparent_facet(cofacet, facet);
  }

  void add(SimplexIndex simplex) {
    summands_.push_back(simplex);
    list_cofacets(simplex, listed_);
  }

  void list_cofacets(SimplexIndex simplex, const EdgeRange& range) {
    complex_.for_each_cofacet(simplex, range, [this](SimplexIndex cofacet) { sum_.add(cofacet); });
  }

  /// Finds the first cofacet of the sum. Later cofacets are listed only when all earlier ones have cancelled. Most
  /// columns never need them.
  bool find_pivot(SimplexIndex& pivot, EdgeRank edge) {
    while (!sum_.find_smallest(pivot)) {
      if (listed_.end == complex_.edge_count()) return false;
      cancel_pairs(summands_);
      const EdgeRange later = range_after_listed(edge);
      for (const SimplexIndex summand : summands_) list_cofacets(summand, later);
      listed_.end = later.end;
    }
    return true;
  }

  /// The next range is as wide as the ranges before. A limit of the width keeps the memory of long columns low.
  EdgeRange range_after_listed(EdgeRank edge) const {
    constexpr EdgeRank fewest_ranges = 16;
    const EdgeRank count = complex_.edge_count();
    const EdgeRank width = std::min({listed_.end - edge, count / fewest_ranges + 1, count - listed_.end});
    return {listed_.end, listed_.end + width};
  }

  void store(SimplexIndex pivot, std::vector<SimplexIndex> summands) {
    columns_.emplace(pivot, static_cast<std::uint32_t>(summands_of_.size()));
    summands_of_.push_back(std::move(summands));
  }

  static void cancel_pairs(std::vector<SimplexIndex>& summands) {
    std::ranges::sort(summands);
    std::size_t size = 0;
    for (const SimplexIndex summand : summands)
      if (size > 0 && summands[size - 1] == summand)
        --size;
      else
        summands[size++] = summand;
    summands.resize(size);
  }
};

} // namespace segtopo
