#pragma once

#include "common/column_reduction.hpp"
#include "common/radix_sort.hpp"
#include "cubical/cell_index.hpp"
#include "cubical/morse_boundary.hpp"
#include "cubical/ordered_cells.hpp"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <vector>

namespace segtopo {

/// The boundary matrix of the Morse complex, with a row for each edge that closes a loop and a column for each square.
/// `first_row` is the row of the first of these edges.
///
/// An edge that ends a component is never the last edge of a cycle, so it is no pivot and has no row. The list of edges
/// is sorted by voxel, then code.
template <int Dim, class Key, class Storage, class Cancels = AllCancel> class LoopMatrix {
public:
  using Row = ColumnReduction::Row;

  LoopMatrix(const LowerStarGradient<Dim, Key, Storage>& gradient, const OrderedCells& edges,
             const OrderedCells& squares, const Execution& execution, Cancels cancels = {}, Row first_row = 0)
      : squares_(squares.cells), columns_(squares_.size()), edge_index_(edges.cells),
        row_of_edge_(edges.cells.size(), ColumnReduction::none) {
    for (std::size_t row = 0; row < edges.order.size(); ++row)
      row_of_edge_[edges.order[row]] = first_row + static_cast<Row>(row);
    const auto order = by_block(squares.order, gradient.image.grid);
    const auto ranges = split(std::ssize(order), 16, execution);
    parts_.resize(ranges.size());
    std::vector<MorseBoundary<Dim, Key, Storage, Cancels>> boundary_of;
    for (int worker = 0; worker < execution.num_threads; ++worker)
      boundary_of.emplace_back(gradient, cancels, execution);
    parallel_for(std::ssize(ranges), execution, [&](Index task, Index worker) {
      for (Index i = ranges[task].begin; i < ranges[task].end; ++i)
        add_column(order[i].number, boundary_of[worker], static_cast<std::uint32_t>(task));
    });
  }

  /// The rows of a square's column, in falling order.
  std::span<const Row> column(std::uint32_t square) const {
    const Column& column = columns_[square];
    return std::span(parts_[column.part]).subspan(column.begin, column.size);
  }

private:
  /// The rows of a column are parts_[part][begin .. begin + size - 1].
  struct Column {
    std::size_t begin;
    std::uint32_t size, part;
  };

  const Cells& squares_;
  std::vector<LargeVector<Row>> parts_; ///< the rows of the columns that one task has computed
  LargeVector<Column> columns_;         ///< by square
  CellIndex edge_index_;
  LargeVector<Row> row_of_edge_;

  /// The squares sorted by block of the grid. The boundaries of neighbours share data in the cache.
  LargeVector<Keyed<std::int32_t>> by_block(const CellNumbers& squares, const Grid<Dim>& grid) const {
    constexpr std::int32_t side = 32;
    LargeVector<Keyed<std::int32_t>> order(squares.size());
    for (std::size_t i = 0; i < squares.size(); ++i)
      order[i] = {grid.block(squares_[squares[i]].voxel, side), squares[i]};
    radix_sort(order);
    return order;
  }

  void add_column(std::uint32_t square, MorseBoundary<Dim, Key, Storage, Cancels>& boundary, std::uint32_t part) {
    LargeVector<Row>& rows = parts_[part];
    const std::size_t begin = rows.size();
    boundary(squares_[square], [&](const Cell& edge) {
      const Row row = row_of_edge_[edge_index_(edge)];
      if (row != ColumnReduction::none) rows.push_back(row);
    });
    columns_[square] = {begin, static_cast<std::uint32_t>(rows.size() - begin), part};
  }
};

} // namespace segtopo
