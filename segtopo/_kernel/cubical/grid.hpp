#pragma once

#include "common/index.hpp"
#include "common/large_memory.hpp"
#include "cubical/star_cells.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace segtopo {

template <int Dim> using Shape = std::array<Index, Dim>;

/// A cell of the grid: one of its vertices (a voxel) and the code of the cell in the star of that voxel.
struct Cell {
  Index voxel : 58;
  Index code : 6;
};

using Cells = LargeVector<Cell>;

/// The voxel grid of an image, padded by one layer of voxels on every side. So every voxel of the image has all its
/// neighbours.
template <int Dim> class Grid {
public:
  Shape<Dim> shape;                                                 ///< of the image
  Shape<Dim> strides;                                               ///< of the padded grid
  std::array<Index, StarCells<Dim>::count> step{};                  ///< by code: to the voxel at its displacement
  std::array<Index, StarCells<Dim>::count> step_to_lowest_corner{}; ///< by code: to the smallest voxel of the cell
  Index padded_size = 1;
  Index image_size = 1;

  explicit Grid(const Shape<Dim>& image_shape) : shape(image_shape) {
    for (int a = Dim - 1; a >= 0; --a) {
      strides[a] = padded_size;
      inverse_strides_[a] = 1 / static_cast<double>(padded_size);
      padded_size *= shape[a] + 2;
      image_size *= shape[a];
    }
    for (int c = 0; c < StarCells<Dim>::count; ++c)
      for (int a = 0; a < Dim; ++a) {
        const int displacement = star_cells<Dim>.displacement[c][a];
        step[c] += strides[a] * displacement;
        step_to_lowest_corner[c] += strides[a] * std::min(displacement, 0);
      }
  }

  Index row_length() const { return shape[Dim - 1]; } ///< rows run along the last axis
  Index row_count() const { return image_size / row_length(); }
  Index padded_row_count() const { return padded_size / (row_length() + 2); }

  /// Converts a row of the padded grid to a row of the image. Returns -1 for padding.
  Index image_row(Index padded_row) const {
    Index row = 0;
    for (int a = 0; a < Dim - 1; ++a) {
      const Index rows_per_step = strides[a] / strides[Dim - 2];
      const Index x = padded_row / rows_per_step - 1;
      if (x < 0 || x >= shape[a]) return -1;
      row = row * shape[a] + x;
      padded_row %= rows_per_step;
    }
    return row;
  }

  /// The number of the block that contains the voxel. A block has `side` voxels along each axis.
  std::int32_t block(Index voxel, std::int32_t side) const {
    std::int32_t number = 0;
    const auto x = coordinates(voxel);
    for (int a = 0; a < Dim; ++a)
      number = number * static_cast<std::int32_t>(shape[a] / side + 1) + static_cast<std::int32_t>(x[a]) / side;
    return number;
  }

  /// Converts a voxel of the padded grid to its index in the image.
  Index image_index(Index voxel) const {
    Index index = 0;
    const auto x = coordinates(voxel);
    for (int a = 0; a < Dim; ++a) index = index * shape[a] + x[a] - 1;
    return index;
  }

private:
  std::array<double, Dim> inverse_strides_{};

  /// The coordinates of a voxel in the padded grid. A division of integers takes several times as long. The quotient is
  /// exact: 0.5 keeps it away from whole numbers by more than the rounding error.
  Shape<Dim> coordinates(Index voxel) const {
    Shape<Dim> x;
    for (int a = 0; a < Dim; ++a) {
      x[a] = static_cast<std::int32_t>((static_cast<double>(voxel) + 0.5) * inverse_strides_[a]);
      voxel -= x[a] * strides[a];
    }
    return x;
  }
};

} // namespace segtopo
