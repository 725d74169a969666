#pragma once

#include "betti_matching/remaining_cells.hpp"
#include "betti_matching/short_cycles.hpp"
#include "common/column_reduction.hpp"
#include "cubical/cell_index.hpp"
#include "cubical/loop_matrix.hpp"
#include "cubical/vertex_persistence.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <iterator>
#include <span>
#include <vector>

namespace segtopo {

/// The boundary matrix between edges and squares for image persistence in 3D: the rows have the order of the domain,
/// the columns have the order of the codomain, which contains the domain.
///
/// The pairs of lower stars that both filtrations have cancel. The matrix has a row for each other edge that closes a
/// loop in the domain, and a column for each other square that fills a loop in the codomain, although some of these
/// loops have zero persistence.
///
/// The essential classes of the domain are matched with those of the codomain by cycles of the larger filtration, as
/// further columns after all squares. In dual order these are cycles of the dual complex, which squares close around
/// edges, as further rows before all edges: the transposed matrix is the matrix of the dual complex.
template <class Key, class Storage> class MixedLoopMatrix {
public:
  using Persistence = VertexPersistence<3, Key, Storage>;

  /// `essential_dimension`: 1 if loops of the domain are to be matched, 2 if cavities of the dual order are, or 0.
  MixedLoopMatrix(const Persistence& domain, const Persistence& codomain, int essential_dimension,
                  const Execution& execution)
      : domain_(domain), codomain_(codomain), execution_(execution),
        first_edge_row_(essential_dimension == 2 ? static_cast<Row>(domain.essential[2].size()) : 0),
        cancels_{domain.gradient, codomain.gradient}, edges_(domain, 1, domain.loop_edges, 2, cancels_, execution),
        squares_(codomain, 2, codomain.squares, 1, cancels_, execution),
        squares_in_domain_(by_highest_vertex(squares_.cells, domain.gradient.image)),
        matrix_(domain.gradient, {edges_.cells, edges_.order}, {squares_in_domain_, squares_.order}, execution,
                cancels_, first_edge_row_),
        reduction_(first_edge_row_ + edges_.order.size(), execution) {
    if (essential_dimension == 1) further_columns_ = loops_of_codomain();
    if (essential_dimension == 2) add_rows(cocycles_of_domain());
  }

  /// Reduces the matrix. Calls on_pair(edge, square) for a critical edge of the domain and a critical square of the
  /// codomain that are paired, and on_essential(cell of the domain, cell of the codomain) for essential classes.
  template <class OnPair, class OnEssential> void pair(OnPair on_pair, OnEssential on_essential) {
    for (const std::uint32_t square : squares_.order) {
      const Row row = reduction_.reduce(column(square));
      if (row == ColumnReduction::none) continue;
      const std::uint32_t killer = squares_.critical[square];
      if (row < first_edge_row_)
        on_essential(domain_.essential[2][row], killer);
      else if (killer != not_critical && edge_of(row) != not_critical)
        on_pair(edge_of(row), killer);
    }
    for (std::size_t i = 0; i < further_columns_.size(); ++i)
      on_essential(edge_of(reduction_.reduce(further_columns_[i])), codomain_.essential[1][i]);
  }

private:
  using Row = ColumnReduction::Row;
  using Chains = std::vector<std::vector<Row>>;

  const Persistence& domain_;
  const Persistence& codomain_;
  const Execution& execution_;
  const Row first_edge_row_;
  PairedInBoth<3, Key, Storage> cancels_;
  RemainingCells<3, Key, Storage> edges_, squares_;
  Cells squares_in_domain_; ///< the squares by their highest vertices in the domain
  LoopMatrix<3, Key, Storage, PairedInBoth<3, Key, Storage>> matrix_;
  Chains further_columns_;
  std::deque<std::vector<Row>> longer_columns_;    ///< the columns that have further rows
  std::vector<const std::vector<Row>*> longer_of_; ///< by square: its column with further rows, or null
  ColumnReduction reduction_;

  static Cells by_highest_vertex(Cells cells, const OrderedImage<3, Key, Storage>& image) {
    for (Cell& cell : cells) cell = image.by_highest_vertex(cell);
    return cells;
  }

  std::uint32_t edge_of(Row row) const { return edges_.critical[edges_.order[row - first_edge_row_]]; }

  std::span<const Row> column(std::uint32_t square) const {
    if (!longer_of_.empty() && longer_of_[square]) return *longer_of_[square];
    return matrix_.column(square);
  }

  /// For each essential loop of the codomain, the rows of a cycle of which its edge is the last.
  Chains loops_of_codomain() const {
    const DescendingFlow<3, Key, Storage> flow(codomain_.gradient);
    const ShortCycles graph(flow, codomain_.cells(0), codomain_.order[0], codomain_.cells(1), codomain_.order[1],
                            execution_);
    return cycles(graph, codomain_.essential[1], edges_, domain_.gradient);
  }

  /// For each essential cavity of the domain, the columns of a cocycle of which its square is the first.
  Chains cocycles_of_domain() const {
    const AscendingFlow<3, Key, Storage> flow(domain_.gradient);
    const CellNumbers last_to_first(domain_.order[2].rbegin(), domain_.order[2].rend());
    const ShortCycles graph(flow, domain_.cells(3), domain_.maxima_eldest_first(), domain_.cells(2), last_to_first,
                            execution_);
    return cycles(graph, domain_.essential[2], squares_, codomain_.gradient);
  }

  /// For each saddle, the positions in remaining.order of the cells of a short cycle, in falling order.
  template <class Flow>
  Chains cycles(const ShortCycles<Flow>& graph, const CellNumbers& saddles,
                const RemainingCells<3, Key, Storage>& remaining,
                const LowerStarGradient<3, Key, Storage>& gradient) const {
    const CellIndex index(remaining.cells);
    const auto positions = remaining.positions();
    Chains chains(saddles.size());
    const auto ranges = split(std::ssize(saddles), 64, execution_);
    std::vector<typename ShortCycles<Flow>::Search> searches(static_cast<std::size_t>(execution_.num_threads),
                                                             typename ShortCycles<Flow>::Search(graph));
    parallel_for(std::ssize(ranges), execution_, [&](Index task, Index worker) {
      for (Index i = ranges[task].begin; i < ranges[task].end; ++i) {
        searches[worker].close_cycle(saddles[i], [&](const Cell& of_graph) {
          const Cell cell = gradient.image.by_highest_vertex(of_graph);
          if (!remaining.may_hold(gradient, cell)) return;
          const std::uint32_t number = index.find(cell);
          if (number != CellIndex::none && positions[number] != ColumnReduction::none)
            chains[i].push_back(positions[number]);
        });
        sum_over_z2(chains[i]);
      }
    });
    return chains;
  }

  /// Adds a row for each chain of columns.
  void add_rows(const Chains& chains) {
    std::vector<std::vector<Row>> rows_of(squares_.order.size());
    for (std::size_t row = chains.size(); row-- > 0;)
      for (const Row position : chains[row]) rows_of[position].push_back(static_cast<Row>(row));
    longer_of_.resize(squares_.cells.size(), nullptr);
    for (std::size_t position = 0; position < rows_of.size(); ++position) {
      if (rows_of[position].empty()) continue;
      const std::uint32_t square = squares_.order[position];
      const auto edge_rows = matrix_.column(square);
      auto& longer = longer_columns_.emplace_back(edge_rows.begin(), edge_rows.end());
      longer.insert(longer.end(), rows_of[position].begin(), rows_of[position].end());
      longer_of_[square] = &longer;
    }
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
