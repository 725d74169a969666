#pragma once

#include "loop_persistence.hpp"
#include "vertex_persistence.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace segtopo {

/// The boundary matrix between edges and squares with rows in the order of one filtration, the domain, and columns in
/// that of another, the codomain, which contains it.
///
/// Only where a voxel has the same lower star in both do its pairs cancel in both. Elsewhere the matrix has a row for
/// each edge that closes a loop in the domain, if only to be filled at once, and a column for each square that fills a
/// loop of the codomain.
template <class Key> class MixedLoopMatrix {
public:
  using Filtered = VertexPersistence<3, Key>;

  MixedLoopMatrix(const Filtered& domain, const Filtered& codomain, const Execution& execution)
      : execution_(execution), is_frozen_{domain.gradient, codomain.gradient},
        edges_(domain, 1, domain.loop_edges, 2, is_frozen_, execution),
        squares_(codomain, 2, codomain.filling_squares, 1, is_frozen_, execution),
        matrix_(domain.gradient, edges_.ordered(), seen_from_domain(domain.gradient.image), execution, is_frozen_) {}

  /// Calls on_pair(edge, square) for the critical edges of the domain and the critical squares of the codomain that
  /// reduction pairs.
  template <class OnPair> void reduce(OnPair on_pair) const {
    ColumnReduction reduction(edges_.order.size(), execution_);
    for (const std::uint32_t square : squares_.order) {
      const auto row = reduction.reduce(matrix_.column(square));
      if (row == ColumnReduction::none || squares_.critical[square] == not_critical) continue;
      const std::uint32_t edge = edges_.critical[edges_.order[row]];
      if (edge != not_critical) on_pair(edge, squares_.critical[square]);
    }
  }

private:
  static constexpr std::uint32_t not_critical = ~std::uint32_t{0};

  /// True for voxels whose lower stars differ.
  struct IsFrozen {
    const LowerStarGradient<3, Key>& domain;
    const LowerStarGradient<3, Key>& codomain;
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

    OrderedCells ordered() const { return {cells, order}; }

  private:
    static Cells paired_cells(const LowerStarGradient<3, Key>& gradient, int k, int paired_with,
                              const IsFrozen& is_frozen, const Execution& execution) {
      const Grid<3>& grid = gradient.image.grid;
      const auto ranges = split(grid.padded_size, 1 << 12, execution);
      std::vector<Cells> parts(ranges.size());
      parallel_for(std::ssize(ranges), execution, [&](Index task) {
        for (Index voxel = ranges[task].begin; voxel < ranges[task].end; ++voxel) {
          if (!is_frozen(voxel)) continue;
          for (int code = star_cells<3>.first[k]; code < star_cells<3>.first[k + 1]; ++code) {
            const int partner = gradient.partner({voxel, code});
            if (partner != LowerStarTable<3>::absent && star_cells<3>.dimension[partner] == paired_with)
              parts[task].push_back({voxel, code});
          }
        }
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

    void sort(const LowerStarGradient<3, Key>& gradient, const std::vector<bool>& is_chosen) {
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

  const Execution& execution_;
  IsFrozen is_frozen_;
  Line edges_, squares_;
  LoopMatrix<Key, IsFrozen> matrix_;

  /// The squares as the domain's gradient knows them.
  OrderedCells seen_from_domain(const OrderedImage<3, Key>& domain) {
    for (Cell& square : squares_.cells) square = domain.seen_from_highest(square);
    return squares_.ordered();
  }
};

} // namespace segtopo
