#pragma once

#include "cubical/loop_matrix.hpp"
#include "betti_matching/spanning_forest.hpp"
#include "cubical/vertex_persistence.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <ranges>
#include <utility>
#include <vector>

namespace segtopo {

/// The boundary matrix between edges and squares with rows in the order of one filtration, the domain, and columns in
/// that of another, the codomain, which contains it.
///
/// Only where a voxel has the same lower star in both do its pairs cancel in both. Elsewhere the matrix has a row for
/// each edge that closes a loop in the domain, if only to be filled at once, and a column for each square that fills a
/// loop of the codomain.
template <int Dim, class Key, class Storage> class MixedLoopMatrix {
public:
  using Filtered = VertexPersistence<Dim, Key, Storage>;

  MixedLoopMatrix(const Filtered& domain, const Filtered& codomain, const Execution& execution)
      : domain_(domain), codomain_(codomain), execution_(execution), is_frozen_{domain.gradient, codomain.gradient},
        edges_(domain, 1, domain.loop_edges, 2, is_frozen_, execution),
        squares_(codomain, 2, codomain.squares, 1, is_frozen_, execution),
        squares_in_domain_(seen_from_highest(squares_.cells, domain.gradient.image)),
        matrix_(domain.gradient, {edges_.cells, edges_.order}, {squares_in_domain_, squares_.order}, execution,
                is_frozen_),
        reduction_(edges_.order.size(), execution) {}

  /// Calls on_pair(edge, square) for the critical edges of the domain and the critical squares of the codomain that
  /// reduction pairs.
  template <class OnPair> void pair_loops(OnPair on_pair) {
    for (const std::uint32_t square : squares_.order) {
      const Row row = reduction_.reduce(matrix_.column(square));
      if (row == ColumnReduction::none || squares_.critical[square] == not_critical) continue;
      const std::uint32_t edge = edges_.critical[edges_.order[row]];
      if (edge != not_critical) on_pair(edge, squares_.critical[square]);
    }
  }

  /// Calls on_pair(edge, edge) for the critical edges of domain and codomain whose loops are never filled, after
  /// pair_loops: the codomain's loops, as cycles, are further columns.
  template <class OnPair> void pair_essential_loops(OnPair on_pair) {
    SpanningForest forest(DescendingFlow<Dim, Key, Storage>(codomain_.gradient), codomain_.cells(0), codomain_.order[0],
                          codomain_.cells(1), deaths(codomain_.pairs[0]), codomain_.essential[1], execution_);
    const std::vector<Row> row_of_edge = edges_.places();
    const CellIndex edge_index(edges_.cells);
    std::deque<std::vector<Row>> cycles;
    for (const std::uint32_t edge : codomain_.essential[1]) {
      std::vector<Row>& cycle = cycles.emplace_back();
      forest.close_cycle(edge, [&](const Cell& cell) {
        const std::uint32_t number = edge_index.find(domain_.gradient.image.seen_from_highest(cell));
        if (number != CellIndex::none && row_of_edge[number] != ColumnReduction::none)
          cycle.push_back(row_of_edge[number]);
      });
      sum_over_z2(cycle);
      on_pair(edges_.critical[edges_.order[reduction_.reduce(cycle)]], edge);
    }
  }

  /// Calls on_pair(square, square) for the critical squares of domain and codomain whose cavities are never filled
  /// (3D). In the dual complex squares close loops around edges, and domain and codomain change places.
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
    const std::vector<Row> column_of_square = squares_.places();
    const CellIndex square_index(squares_.cells);
    std::deque<std::vector<Row>> cocycles;
    for (const std::uint32_t square : std::views::reverse(domain_.essential[2])) {
      std::vector<Row>& cocycle = cocycles.emplace_back();
      forest.close_cycle(square, [&](const Cell& cell) {
        const std::uint32_t number = square_index.find(codomain_.gradient.image.seen_from_highest(cell));
        if (number != CellIndex::none && column_of_square[number] != ColumnReduction::none)
          cocycle.push_back(column_count - 1 - column_of_square[number]);
      });
      sum_over_z2(cocycle);
      on_pair(square, squares_.critical[squares_.order[column_count - 1 - reduction.reduce(cocycle)]]);
    }
  }

private:
  using Row = ColumnReduction::Row;
  static constexpr std::uint32_t not_critical = ~std::uint32_t{0};

  /// True for voxels whose lower stars differ.
  struct IsFrozen {
    const LowerStarGradient<Dim, Key, Storage>& domain;
    const LowerStarGradient<Dim, Key, Storage>& codomain;
    bool operator()(Index voxel) const { return domain.star(voxel) != codomain.star(voxel); }
  };

  /// The cells of one dimension that are left when pairs cancel, and which of them have a row or a column.
  struct Line {
    Cells cells;          ///< seen from their highest vertices, sorted by voxel, then code
    CellNumbers critical; ///< by cell: its number among the critical cells, or `not_critical`
    CellNumbers order;    ///< the cells with a row or a column, in the order of the filtration

    /// The chosen critical cells of a filtration and, in frozen lower stars, those paired in dimension `paired_with`
    /// have a row or a column.
    Line(const Filtered& filtered, int k, const CellNumbers& chosen, int paired_with, const IsFrozen& is_frozen,
         const Execution& execution) {
      const Cells paired = paired_cells(filtered.gradient, k, paired_with, is_frozen, execution);
      std::vector<bool> is_chosen(filtered.cells(k).size(), false);
      for (const std::uint32_t cell : chosen) is_chosen[cell] = true;
      merge(filtered.cells(k), paired);
      sort(filtered.gradient, is_chosen);
    }

    /// The place in the order by cell, or none.
    std::vector<Row> places() const {
      std::vector<Row> place(cells.size(), ColumnReduction::none);
      for (std::size_t i = 0; i < order.size(); ++i) place[order[i]] = static_cast<Row>(i);
      return place;
    }

  private:
    static Cells paired_cells(const LowerStarGradient<Dim, Key, Storage>& gradient, int k, int paired_with,
                              const IsFrozen& is_frozen, const Execution& execution) {
      const auto ranges = split(gradient.segment_count(), 1, execution);
      std::vector<Cells> parts(ranges.size());
      parallel_for(std::ssize(ranges), execution, [&](Index task) {
        gradient.for_each_voxel(ranges[task], [&](Index voxel) {
          if (!is_frozen(voxel)) return;
          for (int code = star_cells<Dim>.first[k]; code < star_cells<Dim>.first[k + 1]; ++code) {
            const int partner = gradient.partner({voxel, code});
            if (partner != LowerStarTable<Dim>::absent && star_cells<Dim>.dimension[partner] == paired_with)
              parts[task].push_back({voxel, code});
          }
        });
      });
      Cells all;
      for (const Cells& part : parts) all.insert(all.end(), part.begin(), part.end());
      return all;
    }

    void merge(const Cells& critical_cells, const Cells& paired) {
      auto comes_before = [](const Cell& a, const Cell& b) {
        return a.voxel != b.voxel ? a.voxel < b.voxel : a.code < b.code;
      };
      std::size_t next = 0;
      auto add = [&](const Cell& cell, std::uint32_t number) {
        cells.push_back(cell);
        critical.push_back(number);
      };
      for (std::uint32_t number = 0; number < critical_cells.size(); ++number) {
        for (; next < paired.size() && comes_before(paired[next], critical_cells[number]); ++next)
          add(paired[next], not_critical);
        add(critical_cells[number], number);
      }
      for (; next < paired.size(); ++next) add(paired[next], not_critical);
    }

    void sort(const LowerStarGradient<Dim, Key, Storage>& gradient, const std::vector<bool>& is_chosen) {
      LargeVector<Keyed<Key>> keyed;
      for (std::uint32_t i = 0; i < cells.size(); ++i)
        if (critical[i] == not_critical || is_chosen[critical[i]])
          keyed.push_back({gradient.image.key(cells[i].voxel), i});
      auto is_earlier_in_star = [&](const Keyed<Key>& a, const Keyed<Key>& b) {
        return gradient.place(cells[a.number]) < gradient.place(cells[b.number]);
      };
      for (auto first = keyed.begin(); first != keyed.end();) {
        auto last = first;
        while (last != keyed.end() && cells[last->number].voxel == cells[first->number].voxel) ++last;
        std::sort(first, last, is_earlier_in_star);
        first = last;
      }
      radix_sort(keyed);
      order.resize(keyed.size());
      std::ranges::transform(keyed, order.begin(), &Keyed<Key>::number);
    }
  };

  const Filtered& domain_;
  const Filtered& codomain_;
  const Execution& execution_;
  IsFrozen is_frozen_;
  Line edges_, squares_;
  Cells squares_in_domain_; ///< the squares as the domain's gradient knows them
  LoopMatrix<Dim, Key, Storage, IsFrozen> matrix_;
  ColumnReduction reduction_;

  static Cells seen_from_highest(Cells cells, const OrderedImage<Dim, Key, Storage>& image) {
    for (Cell& cell : cells) cell = image.seen_from_highest(cell);
    return cells;
  }

  static CellNumbers deaths(const auto& pairs) {
    CellNumbers numbers;
    for (const auto& pair : pairs) numbers.push_back(pair.death);
    return numbers;
  }

  static CellNumbers births(const auto& pairs) {
    CellNumbers numbers;
    for (const auto& pair : pairs) numbers.push_back(pair.birth);
    return numbers;
  }

  /// Leaves the rows that occur an odd number of times, the last first.
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
