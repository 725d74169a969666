#pragma once

#include "betti_matching/remaining_cells.hpp"
#include "betti_matching/spanning_forest.hpp"
#include "common/column_reduction.hpp"
#include "cubical/cell_index.hpp"
#include "cubical/loop_matrix.hpp"
#include "cubical/vertex_persistence.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <ranges>
#include <vector>

namespace segtopo {

/// The boundary matrix between edges and squares for image persistence: the rows have the order of the domain, the
/// columns have the order of the codomain, which contains the domain.
///
/// The pairs of a lower star cancel only if the voxel has the same lower star in both filtrations. Other lower stars
/// are frozen: the matrix has a row for each of their edges that closes a loop in the domain, and a column for each of
/// their squares that fills a loop in the codomain, although these loops have zero persistence.
template <int Dim, class Key, class Storage> class MixedLoopMatrix {
public:
  using Persistence = VertexPersistence<Dim, Key, Storage>;

  MixedLoopMatrix(const Persistence& domain, const Persistence& codomain, const Execution& execution)
      : domain_(domain), codomain_(codomain), execution_(execution), is_frozen_{domain.gradient, codomain.gradient},
        edges_(domain, 1, domain.loop_edges, 2, is_frozen_, execution),
        squares_(codomain, 2, codomain.squares, 1, is_frozen_, execution),
        squares_in_domain_(by_highest_vertex(squares_.cells, domain.gradient.image)),
        matrix_(domain.gradient, {edges_.cells, edges_.order}, {squares_in_domain_, squares_.order}, execution,
                is_frozen_),
        reduction_(edges_.order.size(), execution) {}

  /// Reduces the matrix. Calls on_pair(edge, square) for a critical edge of the domain and a critical square of the
  /// codomain that are paired.
  template <class OnPair> void pair_loops(OnPair on_pair) {
    for (const std::uint32_t square : squares_.order) {
      const Row row = reduction_.reduce(matrix_.column(square));
      if (row == ColumnReduction::none || squares_.critical[square] == not_critical) continue;
      const std::uint32_t edge = edges_.critical[edges_.order[row]];
      if (edge != not_critical) on_pair(edge, squares_.critical[square]);
    }
  }

  /// Pairs the essential loops of the domain with those of the codomain, after pair_loops: the cycles of the codomain
  /// are further columns. Calls on_pair(edge of the domain, edge of the codomain).
  template <class OnPair> void pair_essential_loops(OnPair on_pair) {
    SpanningForest forest(DescendingFlow<Dim, Key, Storage>(codomain_.gradient), codomain_.cells(0), codomain_.order[0],
                          codomain_.cells(1), deaths(codomain_.pairs[0]), codomain_.essential[1], execution_);
    const std::vector<Row> row_of_edge = edges_.positions();
    const CellIndex edge_index(edges_.cells);
    std::deque<std::vector<Row>> cycles;
    for (const std::uint32_t edge : codomain_.essential[1]) {
      std::vector<Row>& cycle = cycles.emplace_back();
      forest.close_cycle(edge, [&](const Cell& cell) {
        const std::uint32_t number = edge_index.find(domain_.gradient.image.by_highest_vertex(cell));
        if (number != CellIndex::none && row_of_edge[number] != ColumnReduction::none)
          cycle.push_back(row_of_edge[number]);
      });
      sum_over_z2(cycle);
      on_pair(edges_.critical[edges_.order[reduction_.reduce(cycle)]], edge);
    }
  }

  /// Pairs the essential cavities of the domain with those of the codomain (3D). In the dual complex, squares close
  /// loops around edges, and domain and codomain are exchanged. Calls on_pair(square of the domain, square of the
  /// codomain).
  template <class OnPair> void pair_essential_cavities(OnPair on_pair) const {
    const auto column_count = static_cast<Row>(squares_.order.size());
    std::vector<std::vector<Row>> coboundaries(edges_.order.size());
    for (Row column = 0; column < column_count; ++column)
      for (const Row row : matrix_.column(squares_.order[column]))
        coboundaries[row].push_back(column_count - 1 - column);
    ColumnReduction reduction(column_count, execution_);
    for (std::size_t row = coboundaries.size(); row-- > 0;) reduction.reduce(coboundaries[row]);

    SpanningForest forest(AscendingFlow<Dim, Key, Storage>(domain_.gradient), domain_.cells(Dim),
                          domain_.maxima_eldest_first(), domain_.cells(Dim - 1), births(domain_.pairs[Dim - 1]),
                          domain_.essential[Dim - 1], execution_);
    const std::vector<Row> column_of_square = squares_.positions();
    const CellIndex square_index(squares_.cells);
    std::deque<std::vector<Row>> cocycles;
    for (const std::uint32_t square : std::views::reverse(domain_.essential[2])) {
      std::vector<Row>& cocycle = cocycles.emplace_back();
      forest.close_cycle(square, [&](const Cell& cell) {
        const std::uint32_t number = square_index.find(codomain_.gradient.image.by_highest_vertex(cell));
        if (number != CellIndex::none && column_of_square[number] != ColumnReduction::none)
          cocycle.push_back(column_count - 1 - column_of_square[number]);
      });
      sum_over_z2(cocycle);
      on_pair(square, squares_.critical[squares_.order[column_count - 1 - reduction.reduce(cocycle)]]);
    }
  }

private:
  using Row = ColumnReduction::Row;

  const Persistence& domain_;
  const Persistence& codomain_;
  const Execution& execution_;
  StarsDiffer<Dim, Key, Storage> is_frozen_;
  RemainingCells<Dim, Key, Storage> edges_, squares_;
  Cells squares_in_domain_; ///< the squares by their highest vertices in the domain
  LoopMatrix<Dim, Key, Storage, StarsDiffer<Dim, Key, Storage>> matrix_;
  ColumnReduction reduction_;

  static Cells by_highest_vertex(Cells cells, const OrderedImage<Dim, Key, Storage>& image) {
    for (Cell& cell : cells) cell = image.by_highest_vertex(cell);
    return cells;
  }

  static CellNumbers deaths(const LargeVector<CellPair>& pairs) {
    CellNumbers numbers;
    for (const CellPair& pair : pairs) numbers.push_back(pair.death);
    return numbers;
  }

  static CellNumbers births(const LargeVector<CellPair>& pairs) {
    CellNumbers numbers;
    for (const CellPair& pair : pairs) numbers.push_back(pair.birth);
    return numbers;
  }

  /// Keeps the rows that occur an odd number of times, in falling order.
  static void sum_over_z2(std::vector<Row>& rows) {
    std::ranges::sort(rows, std::greater());
    std::size_t kept = 0;
    for (std::size_t i = 0; i < rows.size();) {
      std::size_t next = i;
      while (next < rows.size() && rows[next] == rows[i]) ++next;
      if ((next - i) % 2 == 1) rows[kept++] = rows[i];
      i = next;
    }
    rows.resize(kept);
  }
};

} // namespace segtopo
