#pragma once

#include "large_array.hpp"
#include "lower_star_table.hpp"
#include "ordered_image.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <utility>
#include <vector>

namespace segtopo {

/// A set of cells of a star, as bits by code; as wide as a key, for the sake of vector instructions.
template <class Key> using StarBits = std::make_unsigned_t<Key>;

/// The starts of a row of voxels and of the rows around it.
template <int Dim, class Key> using RowsAround = std::array<const Key*, Dim == 2 ? 3 : 9>;

template <int Dim, class Key> RowsAround<Dim, Key> rows_around(const Key* row, const Grid<Dim>& grid) {
  RowsAround<Dim, Key> rows;
  for (int r = 0; r < static_cast<int>(rows.size()); ++r) {
    rows[r] = row;
    for (int a = Dim - 2, rest = r; a >= 0; --a, rest /= 3) rows[r] += (rest % 3 - 1) * grid.strides[a];
  }
  return rows;
}

/// All bits if the lower star of voxel x of the middle row holds the cell `code`, none if not. `has` tells that of the
/// cells with smaller codes.
template <int Dim, int code, class Key, class Has>
StarBits<Key> in_lower_star(const RowsAround<Dim, Key>& rows, Index x, const Has& has) {
  constexpr const auto& cells = star_cells<Dim>;
  constexpr auto displacement = cells.displacement[code];
  constexpr int row = [=] {
    int number = 0;
    for (int a = 0; a < Dim - 1; ++a) number = 3 * number + displacement[a] + 1;
    return number;
  }();
  constexpr bool comes_first = displacement < typename StarCells<Dim>::Displacement{};
  const Key corner = rows[row][x + displacement[Dim - 1]], own = rows[rows.size() / 2][x];
  StarBits<Key> mask = (comes_first ? corner <= own : corner < own) ? ~StarBits<Key>{0} : 0;
  if constexpr (cells.dimension[code] > 1)
    for (int a = 0; a < Dim; ++a)
      if (cells.face[code][a] >= 0) mask &= has[cells.face[code][a]];
  return mask;
}

template <int Dim, class Key, std::size_t... code>
StarBits<Key> lower_star(const RowsAround<Dim, Key>& rows, Index x, std::index_sequence<0, code...>) {
  std::array<StarBits<Key>, sizeof...(code) + 1> has{~StarBits<Key>{0}};
  ((has[code] = in_lower_star<Dim, code>(rows, x, has)), ...);
  return (StarBits<Key>{1} | ... | (has[code] & StarBits<Key>{1} << code));
}

/// Critical cells of one dimension, as numbers in `LowerStarGradient::critical_cells`.
using CellNumbers = std::vector<std::uint32_t>;

/// A discrete gradient that pairs cells only within the lower star of a voxel (Robins, Wood, Sheppard 2011).
///
/// The lower star of a voxel holds the cells of which it is the highest vertex; the lower stars partition the
/// complex. Per voxel only the number of its lower star in the table is stored.
template <int Dim, class Key> class LowerStarGradient {
public:
  const OrderedImage<Dim, Key>& image;

  LowerStarGradient(const OrderedImage<Dim, Key>& ordered_image, const LowerStarTable<Dim>& table,
                    const Execution& execution)
      : image(ordered_image), table_(table), ids_(image.grid.padded_size) {
    const auto ranges = split(image.grid.padded_row_count(), 1, execution);
    std::vector<CriticalCells> found(ranges.size());
    parallel_for(std::ssize(ranges), execution, [&](Index task) {
      std::vector<StarBits<Key>> stars(image.grid.row_length());
      for (Index row = ranges[task].begin; row < ranges[task].end; ++row)
        if (image.grid.image_row(row) >= 0) process_row(row, stars, found[task]);
    });
    for (int k = 0; k <= Dim; ++k) critical_[k] = concatenate(found, k);
  }

  /// The code of the cell paired with `cell`, which is seen from its highest vertex: its own code if it is
  /// critical.
  int partner(const Cell& cell) const { return table_.partner(ids_[cell.voxel], cell.code); }

  /// The critical cells of dimension k, in the order of the voxels' indices and, of one voxel, of their codes.
  const std::vector<Cell>& critical_cells(int k) const { return critical_[k]; }

private:
  using Id = typename LowerStarTable<Dim>::Id;
  using CriticalCells = std::array<std::vector<Cell>, Dim + 1>;
  static constexpr const StarCells<Dim>& cells = star_cells<Dim>;

  const LowerStarTable<Dim>& table_;
  LargeArray<Id> ids_;
  CriticalCells critical_;

  static std::vector<Cell> concatenate(const std::vector<CriticalCells>& parts, int k) {
    std::size_t size = 0;
    for (const CriticalCells& part : parts) size += part[k].size();
    if (size >= std::numeric_limits<std::uint32_t>::max() - 2)
      throw std::length_error("an image of up to 2^32 critical cells was expected");
    std::vector<Cell> whole;
    whole.reserve(size);
    for (const CriticalCells& part : parts) whole.insert(whole.end(), part[k].begin(), part[k].end());
    return whole;
  }

  void process_row(Index padded_row, std::vector<StarBits<Key>>& stars, CriticalCells& found) {
    const Index start = padded_row * (image.grid.row_length() + 2) + 1;
    lower_stars(image.keys() + start, stars);
    for (std::size_t x = 0; x < stars.size(); ++x) {
      const Index voxel = start + static_cast<Index>(x);
      ids_[voxel] = table_.id_of(static_cast<std::uint32_t>(stars[x]));
      for (std::uint32_t rest = table_.critical(ids_[voxel]); rest != 0; rest &= rest - 1) {
        const int code = std::countr_zero(rest);
        found[cells.dimension[code]].push_back({voxel, code});
      }
    }
  }

  /// The lower stars of the voxels of one row, as bits by code. A plain loop over the row, which compilers vectorise.
  void lower_stars(const Key* keys, std::vector<StarBits<Key>>& stars) const {
    const auto rows = rows_around(keys, image.grid);
    for (std::size_t x = 0; x < stars.size(); ++x)
      stars[x] = lower_star<Dim>(rows, static_cast<Index>(x), std::make_index_sequence<cells.count>());
  }
};

} // namespace segtopo
