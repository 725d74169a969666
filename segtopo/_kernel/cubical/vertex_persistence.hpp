#pragma once

#include "common/large_memory.hpp"
#include "common/parallel.hpp"
#include "cubical/extremum_persistence.hpp"
#include "cubical/loop_matrix.hpp"
#include "cubical/lower_star_gradient.hpp"
#include "cubical/ordered_cells.hpp"
#include "cubical/sorted_cells.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <ranges>
#include <vector>

namespace segtopo {

/// The persistence of the V-construction on an ordered image, as pairs of critical cells of its gradient.
///
/// Dimension 0 pairs minima with edges by union-find. The highest dimension pairs maxima with facets by union-find in
/// the dual complex. Dimension 1 in 3D reduces the boundary matrix of the Morse complex.
template <int Dim, class Key, class Storage> class VertexPersistence {
public:
  const LowerStarGradient<Dim, Key, Storage>& gradient;
  std::array<CellNumbers, Dim + 1> order;       ///< by dimension: the critical cells in the order of the filtration
  std::array<LargeVector<CellPair>, Dim> pairs; ///< by dimension
  std::array<CellNumbers, Dim + 1> essential;   ///< by dimension: the critical cells that create essential classes
  CellNumbers loop_edges;                       ///< the critical edges that close a loop
  CellNumbers squares;                          ///< the critical squares that no cube is paired with

  VertexPersistence(const LowerStarGradient<Dim, Key, Storage>& lower_star_gradient, const Execution& execution)
      : gradient(lower_star_gradient), execution_(execution) {
    pairs[0].reserve(cells(0).size());
    pairs[Dim - 1].reserve(cells(Dim).size());
    parallel_for(Dim + 1, execution, [this](Index k) { order[k] = sorted_cells(gradient, static_cast<int>(k)); });
    pair_minima();
    pair_maxima();
    if constexpr (Dim == 3) pair_loops();
  }

  const Cells& cells(int k) const { return gradient.critical_cells(k); }

  /// The critical facets that can join two maxima. In 2D, an edge that ends a component cannot.
  const CellNumbers& enclosing_facets() const { return Dim == 2 ? loop_edges : order[Dim - 1]; }

  /// The critical top cells from last to first of the filtration.
  CellNumbers maxima_eldest_first() const { return {order[Dim].rbegin(), order[Dim].rend()}; }

private:
  const Execution execution_;

  void pair_minima() {
    Basins basins(DescendingFlow<Dim, Key, Storage>(gradient), cells(0), order[0], execution_);
    const auto ends = basins.path_ends(cells(1), [](Index) { return true; });
    loop_edges.reserve(cells(1).size());
    pair_extrema(
        cells(0).size(), ends, order[1], execution_,
        [this](Age age, std::uint32_t edge) { pairs[0].push_back({order[0][age - 1], edge}); },
        [this](std::uint32_t edge) { loop_edges.push_back(edge); },
        [this](Age age) { essential[0].push_back(order[0][age - 1]); });
  }

  /// In the dual complex, maxima are minima and the filtration is reversed.
  void pair_maxima() {
    const CellNumbers& facets = enclosing_facets();
    std::vector<bool> is_wanted(cells(Dim - 1).size(), Dim == 3);
    for (const std::uint32_t facet : facets) is_wanted[facet] = true;

    const CellNumbers eldest_first = maxima_eldest_first();
    Basins basins(AscendingFlow<Dim, Key, Storage>(gradient), cells(Dim), eldest_first, execution_);
    const auto ends = basins.path_ends(cells(Dim - 1), [&](Index facet) { return is_wanted[facet]; });
    pair_extrema(
        cells(Dim).size(), ends, std::views::reverse(facets), execution_,
        [&](Age age, std::uint32_t facet) { pairs[Dim - 1].push_back({facet, eldest_first[age - 1]}); },
        [this](std::uint32_t facet) { (Dim == 2 ? essential[1] : squares).push_back(facet); },
        [&](Age age) { essential[Dim].push_back(eldest_first[age - 1]); });
    std::ranges::reverse(essential[1]);
    std::ranges::reverse(squares);
    if (Dim == 2) squares = order[2];
  }

  void pair_loops() {
    const LoopMatrix<Dim, Key, Storage> matrix(gradient, {cells(1), loop_edges}, {cells(2), squares}, execution_);
    ColumnReduction reduction(loop_edges.size(), execution_);
    std::vector<bool> is_filled(loop_edges.size(), false);
    for (const std::uint32_t square : squares) {
      const auto row = reduction.reduce(matrix.column(square));
      if (row == ColumnReduction::none) {
        essential[2].push_back(square);
        continue;
      }
      is_filled[row] = true;
      pairs[1].push_back({loop_edges[row], square});
    }
    for (std::size_t row = 0; row < loop_edges.size(); ++row)
      if (!is_filled[row]) essential[1].push_back(loop_edges[row]);
  }
};

} // namespace segtopo
