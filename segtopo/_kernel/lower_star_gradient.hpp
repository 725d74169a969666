#pragma once

#include "lower_star_table.hpp"
#include "ordered_image.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <memory>
#include <vector>

namespace segtopo {

/// A discrete gradient that pairs cells only within the lower star of a voxel (Robins, Wood, Sheppard 2011).
///
/// The lower star of a voxel holds the cells of which it is the highest vertex; the lower stars partition the
/// complex. Per voxel only the number of its lower star in the table is stored.
template <int Dim, class Key> class LowerStarGradient {
public:
  const OrderedImage<Dim, Key>& image;

  LowerStarGradient(const OrderedImage<Dim, Key>& ordered_image, const LowerStarTable<Dim>& table, int num_threads)
      : image(ordered_image), table_(table), ids_(std::make_unique_for_overwrite<Id[]>(image.grid.padded_size)) {
    const Index rows = image.grid.row_count();
    const Index tasks = std::min<Index>(rows, 8 * static_cast<Index>(num_threads));
    std::vector<CriticalCells> found(tasks);
    parallel_for(tasks, num_threads, [&](Index task) {
      std::vector<std::uint32_t> stars(image.grid.row_length());
      for (Index row = rows * task / tasks; row < rows * (task + 1) / tasks; ++row)
        process_row(row, stars, found[task]);
    });
    for (int k = 0; k <= Dim; ++k)
      for (const CriticalCells& part : found) critical_[k].insert(critical_[k].end(), part[k].begin(), part[k].end());
  }

  /// The code of the cell paired with `cell`, which is seen from its highest vertex: its own code if it is
  /// critical.
  int partner(const Cell& cell) const { return table_.partner(ids_[cell.voxel], cell.code); }

  /// The critical cells of dimension k, in the order of the voxels' indices.
  const std::vector<Cell>& critical_cells(int k) const { return critical_[k]; }

private:
  using Id = typename LowerStarTable<Dim>::Id;
  using CriticalCells = std::array<std::vector<Cell>, Dim + 1>;
  static constexpr const StarCells<Dim>& cells = star_cells<Dim>;

  const LowerStarTable<Dim>& table_;
  std::unique_ptr<Id[]> ids_;
  CriticalCells critical_;

  void process_row(Index row, std::vector<std::uint32_t>& stars, CriticalCells& found) {
    const Index start = image.grid.row_start(row);
    lower_stars(image.keys() + start, stars);
    for (std::size_t x = 0; x < stars.size(); ++x) {
      const Index voxel = start + static_cast<Index>(x);
      ids_[voxel] = table_.id_of(stars[x]);
      for (std::uint32_t rest = table_.critical(ids_[voxel]); rest != 0; rest &= rest - 1) {
        const int code = std::countr_zero(rest);
        found[cells.dimension[code]].push_back({voxel, code});
      }
    }
  }

  /// The lower stars of the voxels of one row, as bits by code. Plain loops over the row, which compilers
  /// vectorise.
  void lower_stars(const Key* keys, std::vector<std::uint32_t>& stars) const {
    const std::size_t length = stars.size();
    std::fill(stars.begin(), stars.end(), 1);
    for (int c = 1; c < cells.count; ++c) {
      // The cell's own bit first says only that its corner opposite to the voxel is lower.
      const Key* corner = keys + image.grid.step[c];
      const std::uint32_t bit = std::uint32_t{1} << c;
      if (corner < keys)
        for (std::size_t x = 0; x < length; ++x) stars[x] |= corner[x] <= keys[x] ? bit : 0;
      else
        for (std::size_t x = 0; x < length; ++x) stars[x] |= corner[x] < keys[x] ? bit : 0;
      const std::uint32_t faces = cells.faces[c];
      if (cells.dimension[c] > 1)
        for (std::size_t x = 0; x < length; ++x) stars[x] &= (stars[x] & faces) == faces ? ~std::uint32_t{0} : ~bit;
    }
  }
};

} // namespace segtopo
