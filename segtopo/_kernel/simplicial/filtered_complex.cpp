#include "simplicial/filtered_complex.hpp"

#include "common/column_reduction.hpp"
#include "simplicial/component_pairs.hpp"

#include <algorithm>
#include <array>
#include <ranges>
#include <utility>

namespace segtopo {

namespace {

using Flags = std::vector<bool>; ///< one flag for each simplex of one dimension: it destroys a class

/// The coboundary matrix between two dimensions. The rows are in reverse order of the filtration, so the pivot of a
/// column is its first cofacet. A simplex that destroys a class creates none, so it has no column (clearing).
class CoboundaryMatrix {
public:
  using Row = ColumnReduction::Row;

  CoboundaryMatrix(const FacetTable& table, const Flags& is_death) : begin_(is_death.size() + 1, 0) {
    auto for_each_entry = [&](auto visit) {
      for (std::size_t simplex = 0; simplex < table.size(); ++simplex)
        for (const std::uint32_t facet : table.of(simplex))
          if (!is_death[facet]) visit(facet, static_cast<Row>(table.size() - 1 - simplex));
    };
    for_each_entry([this](std::uint32_t facet, Row) { ++begin_[facet + 1]; });
    for (std::size_t facet = 0; facet + 1 < begin_.size(); ++facet) begin_[facet + 1] += begin_[facet];
    rows_.resize(begin_.back());
    std::vector<std::size_t> end(begin_.begin(), begin_.end() - 1);
    for_each_entry([&](std::uint32_t facet, Row row) { rows_[end[facet]++] = row; });
  }

  std::span<const Row> column(std::size_t facet) const {
    return std::span(rows_).subspan(begin_[facet], begin_[facet + 1] - begin_[facet]);
  }

private:
  std::vector<std::size_t> begin_;
  std::vector<Row> rows_;
};

/// Pairs the simplices of one dimension with simplices of the next, and flags those in `is_death_above`.
std::vector<SimplexPair> pair_simplices(const Flags& is_death, const FacetTable& cofaces, Flags& is_death_above,
                                        const Execution& execution) {
  const CoboundaryMatrix matrix(cofaces, is_death);
  ColumnReduction reduction(cofaces.size(), execution);
  std::vector<SimplexPair> pairs;
  for (std::size_t simplex = is_death.size(); simplex-- > 0;) {
    if (is_death[simplex]) continue;
    execution.throw_if_cancelled();
    const auto row = reduction.reduce(matrix.column(simplex));
    std::uint32_t death = SimplexPair::never;
    if (row != ColumnReduction::none) {
      death = static_cast<std::uint32_t>(cofaces.size() - 1 - row);
      is_death_above[death] = true;
    }
    pairs.push_back({static_cast<std::uint32_t>(simplex), death});
  }
  std::ranges::reverse(pairs);
  return pairs;
}

} // namespace

PairsByDimension filtered_complex_persistence(std::size_t vertex_count, const std::vector<FacetTable>& tables,
                                              const Execution& execution) {
  const FacetTable nothing{1, {}};
  auto cofaces_of = [&](std::size_t k) -> const FacetTable& { return k < tables.size() ? tables[k] : nothing; };

  PairsByDimension pairs;
  Flags is_death(cofaces_of(0).size(), false);
  const auto ends_of = [&](std::size_t edge) { return std::array{tables[0].of(edge)[0], tables[0].of(edge)[1]}; };
  pairs.push_back(component_pairs(vertex_count, ends_of, is_death));
  for (std::size_t k = 1; k <= tables.size(); ++k) {
    Flags is_death_above(cofaces_of(k).size(), false);
    pairs.push_back(pair_simplices(is_death, cofaces_of(k), is_death_above, execution));
    is_death = std::move(is_death_above);
  }
  return pairs;
}

} // namespace segtopo
