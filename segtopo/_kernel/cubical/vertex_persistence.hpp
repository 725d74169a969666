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

/// Two pieces of the outside that an essential cell joins.
struct OutsideJoin {
  Age elder, younger;
  std::uint32_t cell;
};

/// The persistence of the V-construction on an ordered image, as pairs of critical cells of its gradient.
///
/// Dimension 0 pairs minima with edges by union-find. The highest dimension pairs maxima with facets by union-find in
/// the dual complex. Dimension 1 in 3D reduces the boundary matrix of the Morse complex.
///
/// If the outside has several pieces, two of them are joined in dual order by an edge, because the complex is relative
/// to the outside; otherwise, in the reversed filtration, by a facet. Such a cell creates an essential class.
template <int Dim, class Key, class Storage> class VertexPersistence {
public:
  const LowerStarGradient<Dim, Key, Storage>& gradient;
  std::array<CellNumbers, Dim + 1> order;       ///< by dimension: the critical cells in the order of the filtration
  std::array<LargeVector<CellPair>, Dim> pairs; ///< by dimension
  std::array<CellNumbers, Dim + 1> essential;   ///< by dimension: the critical cells that create essential classes
  CellNumbers loop_edges;                       ///< the critical edges that close a loop and join no pieces
  CellNumbers squares;                          ///< 3D: the critical squares that enclose nothing
  std::array<std::vector<OutsideJoin>, Dim + 1> joins; ///< by dimension of the cell: in the order of union-find

  /// `pieces`: null if the outside is one piece.
  VertexPersistence(const LowerStarGradient<Dim, Key, Storage>& lower_star_gradient, const OutsidePieces* pieces,
                    const Execution& execution)
      : gradient(lower_star_gradient), pieces_(pieces), execution_(execution) {
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
  const OutsidePieces* pieces_;
  const Execution execution_;

  Age piece_count() const { return pieces_ ? pieces_->count() : 1; }

  void pair_minima() {
    Basins basins(DescendingFlow<Dim, Key, Storage>(gradient), cells(0), order[0], execution_, pieces_);
    const auto ends = basins.path_ends(cells(1), [](Index) { return true; });
    loop_edges.reserve(cells(1).size());
    pair_extrema(
        piece_count(), cells(0).size(), ends, order[1], execution_,
        [this](Age elder, Age younger, std::uint32_t edge) {
          if (younger >= piece_count())
            pairs[0].push_back({order[0][younger - piece_count()], edge});
          else
            joins[1].push_back({elder, younger, edge});
        },
        [this](std::uint32_t edge) { loop_edges.push_back(edge); },
        [this](Age age) { essential[0].push_back(order[0][age - piece_count()]); });
    for (const OutsideJoin& join : joins[1]) essential[1].push_back(join.cell);
  }

  /// In the dual complex, maxima are minima and the filtration is reversed.
  void pair_maxima() {
    const CellNumbers& facets = enclosing_facets();
    std::vector<bool> is_wanted(cells(Dim - 1).size(), Dim == 3);
    for (const std::uint32_t facet : facets) is_wanted[facet] = true;

    const CellNumbers eldest_first = maxima_eldest_first();
    Basins basins(AscendingFlow<Dim, Key, Storage>(gradient), cells(Dim), eldest_first, execution_, pieces_);
    const auto ends = basins.path_ends(cells(Dim - 1), [&](Index facet) { return is_wanted[facet]; });
    std::vector<OutsideJoin> joined;
    pair_extrema(
        piece_count(), cells(Dim).size(), ends, std::views::reverse(facets), execution_,
        [&](Age elder, Age younger, std::uint32_t facet) {
          if (younger >= piece_count())
            pairs[Dim - 1].push_back({facet, eldest_first[younger - piece_count()]});
          else
            joined.push_back({elder, younger, facet});
        },
        [this](std::uint32_t facet) { squares.push_back(facet); },
        [&](Age age) { essential[Dim].push_back(eldest_first[age - piece_count()]); });
    for (const OutsideJoin& join : std::views::reverse(joined)) essential[Dim - 1].push_back(join.cell);
    joins[Dim - 1].insert(joins[Dim - 1].end(), joined.begin(), joined.end());
    std::ranges::reverse(squares);
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
