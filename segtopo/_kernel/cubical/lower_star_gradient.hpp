#pragma once

#include "common/large_memory.hpp"
#include "common/parallel.hpp"
#include "cubical/lower_star_table.hpp"
#include "cubical/ordered_image.hpp"

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

/// A set of cells of a star, as bits by code. It has the width of a key, so that the loop over a row vectorises.
template <class Key> using StarBits = std::make_unsigned_t<Key>;

/// The keys of a row of voxels (in the middle) and of the rows around it.
template <int Dim, class Key> using RowsAround = std::array<const Key*, Dim == 2 ? 3 : 9>;

template <int Dim> Index step_to_row(int row, const Grid<Dim>& grid) {
  Index step = 0;
  for (int a = Dim - 2, rest = row; a >= 0; --a, rest /= 3) step += (rest % 3 - 1) * grid.strides[a];
  return step;
}

template <int Dim, class Key> RowsAround<Dim, Key> rows_around(const Key* row, const Grid<Dim>& grid) {
  RowsAround<Dim, Key> rows;
  for (int r = 0; r < static_cast<int>(rows.size()); ++r) rows[r] = row + step_to_row(r, grid);
  return rows;
}

/// The row that contains the neighbour at a displacement, as an index of RowsAround.
template <int Dim> constexpr int row_of(const typename StarCells<Dim>::Displacement& displacement) {
  int row = 0;
  for (int a = 0; a < Dim - 1; ++a) row = 3 * row + displacement[a] + 1;
  return row;
}

/// Returns all bits if the cell `code` is in the lower star of voxel x of the middle row, no bits if it is not. `has`
/// holds the results for smaller codes.
template <int Dim, int code, class Key, class Has>
StarBits<Key> in_lower_star(const RowsAround<Dim, Key>& rows, Index x, const Has& has) {
  constexpr const auto& cells = star_cells<Dim>;
  constexpr auto displacement = cells.displacement[code];
  constexpr int row = row_of<Dim>(displacement);
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

/// Computes the lower stars of consecutive voxels of the middle row. Compilers vectorise this loop.
template <int Dim, class Key>
void lower_stars_of_row(const RowsAround<Dim, Key>& rows, std::vector<StarBits<Key>>& stars) {
  for (std::size_t x = 0; x < stars.size(); ++x)
    stars[x] = lower_star<Dim>(rows, static_cast<Index>(x), std::make_index_sequence<star_cells<Dim>.count>());
}

/// The discrete gradient of an image: an acyclic matching of cells within lower stars (Robins, Wood, Sheppard 2011).
///
/// The lower star of a voxel is the set of the cells whose highest vertex is the voxel. The lower stars partition the
/// complex. For each voxel only the number of its lower star in the table is stored.
template <int Dim, class Key, class Storage> class LowerStarGradient {
public:
  const OrderedImage<Dim, Key, Storage>& image;

  LowerStarGradient(const OrderedImage<Dim, Key, Storage>& ordered_image, const LowerStarTable<Dim>& table,
                    const Execution& execution)
      : image(ordered_image), table_(table), ids_(image.storage.size()) {
    const auto ranges = split(segment_count(), 1, execution);
    std::vector<Counts> counts(ranges.size());
    parallel_for(std::ssize(ranges), execution, [&](Index task) { counts[task] = match_lower_stars(ranges[task]); });
    const std::vector<Counts> begins = allocate_lists(counts);
    parallel_for(std::ssize(ranges), execution, [&](Index task) { list_critical_cells(ranges[task], begins[task]); });
  }

  /// The number of segments of consecutive voxels: rows with dense storage, pages with paged storage.
  Index segment_count() const {
    if constexpr (is_dense)
      return image.grid.padded_row_count();
    else
      return image.storage.page_count();
  }

  /// Calls on_voxel for the voxels inside of a range of segments, in rising order.
  template <class OnVoxel> void for_each_voxel(const Range& segments, OnVoxel on_voxel) const {
    for_each_segment(segments, [&](Index start, Index length) {
      for (Index voxel = start; voxel < start + length; ++voxel)
        if (takes_part(voxel)) on_voxel(voxel);
    });
  }

  /// The code of the cell that is paired with a cell, given by its highest vertex; the cell's own code if it is
  /// critical.
  int partner(const Cell& cell) const { return table_.partner(ids_[image.storage.slot(cell.voxel)], cell.code); }

  /// The number of a voxel's lower star in the table. It determines the cells and their matching.
  typename LowerStarTable<Dim>::Id star(Index voxel) const { return ids_[image.storage.slot(voxel)]; }

  /// The position of a cell, given by its highest vertex, in the order of its lower star.
  int position(const Cell& cell) const { return table_.position(ids_[image.storage.slot(cell.voxel)], cell.code); }

  /// The critical cells of dimension k, sorted by voxel, then code.
  const Cells& critical_cells(int k) const { return critical_[k]; }

private:
  using Id = typename LowerStarTable<Dim>::Id;
  using Counts = std::array<Index, Dim + 1>; ///< by dimension: a number of critical cells
  static constexpr bool is_dense = std::is_same_v<Storage, DenseStorage>;
  static constexpr std::size_t page_length = PagedStorage::page_length;
  static constexpr const StarCells<Dim>& cells = star_cells<Dim>;

  const LowerStarTable<Dim>& table_;
  LargeArray<Id> ids_;
  std::array<Cells, Dim + 1> critical_;

  /// With dense storage the segments hold no padding.
  bool takes_part(Index voxel) const { return (is_dense && image.is_whole) || !image.is_outside(voxel); }

  /// Calls on_segment(first voxel, length) for a range of segments.
  template <class OnSegment> void for_each_segment(const Range& segments, OnSegment on_segment) const {
    const Index length = image.grid.row_length();
    for (Index i = segments.begin; i < segments.end; ++i) {
      if constexpr (!is_dense)
        on_segment(image.storage.first_voxel(i), Storage::page_length);
      else if (image.grid.image_row(i) >= 0)
        on_segment(i * (length + 2) + 1, length);
    }
  }

  /// Looks up the matchings of a range of segments and counts their critical cells.
  Counts match_lower_stars(const Range& segments) {
    Counts counts{};
    std::vector<StarBits<Key>> stars(is_dense ? image.grid.row_length() : page_length);
    for_each_segment(segments, [&](Index start, Index length) {
      lower_stars(start, stars);
      for (Index x = 0; x < length; ++x) {
        if (!takes_part(start + x)) continue;
        const Id id = ids_[image.storage.slot(start + x)] = table_.id_of(static_cast<std::uint32_t>(stars[x]));
        for (std::uint32_t rest = table_.critical(id); rest != 0; rest &= rest - 1)
          ++counts[cells.dimension[std::countr_zero(rest)]];
      }
    });
    return counts;
  }

  /// Allocates the lists of critical cells. Returns the first position of each part in each list.
  std::vector<Counts> allocate_lists(const std::vector<Counts>& counts) {
    std::vector<Counts> begins;
    Counts size{};
    for (const Counts& part : counts) {
      begins.push_back(size);
      for (int k = 0; k <= Dim; ++k) size[k] += part[k];
    }
    for (int k = 0; k <= Dim; ++k) {
      if (size[k] >= std::numeric_limits<std::uint32_t>::max() - 2)
        throw std::length_error("images of up to 2^32 critical cells are supported");
      critical_[k].resize(size[k]);
    }
    return begins;
  }

  void list_critical_cells(const Range& segments, Counts next) {
    for_each_voxel(segments, [&](Index voxel) {
      for (std::uint32_t rest = table_.critical(star(voxel)); rest != 0; rest &= rest - 1) {
        const int code = std::countr_zero(rest), k = cells.dimension[code];
        critical_[k][next[k]++] = {voxel, code};
      }
    });
  }

  /// Computes the lower stars of the voxels of one segment.
  void lower_stars(Index start, std::vector<StarBits<Key>>& stars) const {
    if constexpr (is_dense) {
      lower_stars_of_row<Dim>(rows_around(image.keys(start), image.grid), stars);
    } else {
      std::array<std::array<Key, page_length + 2>, std::tuple_size_v<RowsAround<Dim, Key>>> keys;
      RowsAround<Dim, Key> rows;
      for (int r = 0; r < static_cast<int>(rows.size()); ++r) {
        copy_keys(start - 1 + step_to_row(r, image.grid), keys[r]);
        rows[r] = keys[r].data() + 1;
      }
      lower_stars_of_row<Dim>(rows, stars);
    }
  }

  /// Copies the keys of consecutive voxels, page by page.
  void copy_keys(Index first, std::array<Key, page_length + 2>& keys) const {
    for (std::size_t done = 0; done < keys.size();) {
      const Index voxel = first + static_cast<Index>(done);
      if (voxel < 0 || voxel >= image.grid.padded_size) {
        keys[done++] = image.outside_key();
        continue;
      }
      const std::size_t count = std::min<std::size_t>(keys.size() - done, page_length - voxel % page_length);
      std::copy_n(image.keys(voxel), count, keys.begin() + static_cast<std::ptrdiff_t>(done));
      done += count;
    }
  }
};

} // namespace segtopo
