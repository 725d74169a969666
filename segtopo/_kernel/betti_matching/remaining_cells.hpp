#pragma once

#include "common/column_reduction.hpp"
#include "common/large_memory.hpp"
#include "common/parallel.hpp"
#include "common/radix_sort.hpp"
#include "cubical/lower_star_gradient.hpp"
#include "cubical/ordered_cells.hpp"
#include "cubical/vertex_persistence.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <vector>

namespace segtopo {

/// A predicate of cells, given by their highest vertices: both filtrations have the same pair of cells.
template <int Dim, class Key, class Storage> struct PairedInBoth {
  const LowerStarGradient<Dim, Key, Storage>& domain;
  const LowerStarGradient<Dim, Key, Storage>& codomain;

  bool operator()(const Cell& cell) const { return domain.partner(cell) == codomain.partner(cell); }
  bool have_same_star(Index voxel) const { return domain.star(voxel) == codomain.star(voxel); }
};

inline constexpr std::uint32_t not_critical = ~std::uint32_t{0};

/// The cells of one dimension that remain when the pairs that both filtrations have cancel. Some of them have a row or
/// a column of the boundary matrix.
template <int Dim, class Key, class Storage> struct RemainingCells {
  using Gradient = LowerStarGradient<Dim, Key, Storage>;
  using Cancels = PairedInBoth<Dim, Key, Storage>;

  Cells cells;          ///< by their highest vertices, sorted by voxel, then code
  CellNumbers critical; ///< by cell: its number among the critical cells, or `not_critical`
  CellNumbers order;    ///< the cells with a row or a column, in the order of the filtration

  /// The cells with a row or a column are the chosen critical cells, and the remaining cells that are paired with
  /// a cell of dimension `paired_with`.
  RemainingCells(const VertexPersistence<Dim, Key, Storage>& persistence, int k, const CellNumbers& chosen,
                 int paired_with, const Cancels& cancels, const Execution& execution)
      : paired_with_(paired_with) {
    const Cells paired = paired_cells(persistence.gradient, k, paired_with, cancels, execution);
    std::vector<bool> is_chosen(persistence.cells(k).size(), false);
    for (const std::uint32_t cell : chosen) is_chosen[cell] = true;
    merge(persistence.cells(k), paired);
    sort(persistence.gradient, is_chosen);
  }

  /// Returns false for cells that have no row or column because of their pair.
  bool may_hold(const Gradient& gradient, const Cell& cell) const {
    const int partner = gradient.partner(cell);
    return partner == cell.code || star_cells<Dim>.dimension[partner] == paired_with_;
  }

  /// By cell: its position in `order`, or ColumnReduction::none.
  std::vector<ColumnReduction::Row> positions() const {
    std::vector<ColumnReduction::Row> position(cells.size(), ColumnReduction::none);
    for (std::size_t i = 0; i < order.size(); ++i) position[order[i]] = static_cast<ColumnReduction::Row>(i);
    return position;
  }

private:
  int paired_with_;

  static Cells paired_cells(const Gradient& gradient, int k, int paired_with, const Cancels& cancels,
                            const Execution& execution) {
    const auto ranges = split(gradient.segment_count(), 1, execution);
    std::vector<Cells> parts(ranges.size());
    parallel_for(std::ssize(ranges), execution, [&](Index task) {
      gradient.for_each_voxel(ranges[task], [&](Index voxel) {
        if (cancels.have_same_star(voxel)) return;
        for (int code = star_cells<Dim>.first[k]; code < star_cells<Dim>.first[k + 1]; ++code) {
          const int partner = gradient.partner({voxel, code});
          if (partner != LowerStarTable<Dim>::absent && star_cells<Dim>.dimension[partner] == paired_with &&
              !cancels({voxel, code}))
            parts[task].push_back({voxel, code});
        }
      });
    });
    Cells all;
    for (const Cells& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
  }

  /// Merges two sorted lists of cells.
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

  /// Sorts the cells with a row or a column by key of the voxel, by voxel, and by the order of the lower star.
  void sort(const Gradient& gradient, const std::vector<bool>& is_chosen) {
    LargeVector<Keyed<Key>> keyed;
    for (std::uint32_t i = 0; i < cells.size(); ++i)
      if (critical[i] == not_critical || is_chosen[critical[i]])
        keyed.push_back({gradient.image.key(cells[i].voxel), i});
    auto is_earlier_in_star = [&](const Keyed<Key>& a, const Keyed<Key>& b) {
      return gradient.position(cells[a.number]) < gradient.position(cells[b.number]);
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

} // namespace segtopo
