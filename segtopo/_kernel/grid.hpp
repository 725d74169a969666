#pragma once

#include "large_memory.hpp"
#include "star_cells.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace segtopo {

using Index = std::int64_t;

template <int Dim> using Shape = std::array<Index, Dim>;

/// A cell of the grid, as seen from one of its vertices.
struct Cell {
  Index voxel : 58;
  Index code : 6;
};

using Cells = LargeVector<Cell>;

/// The voxel grid of an image with one layer of voxels added on every side, so that every voxel of the image
/// has all its neighbours.
template <int Dim> class Grid {
public:
  Shape<Dim> shape;                                                 ///< of the image
  Shape<Dim> strides;                                               ///< of the padded grid
  std::array<Index, StarCells<Dim>::count> step{};                  ///< to the voxel at a displacement, by code
  std::array<Index, StarCells<Dim>::count> step_to_lowest_corner{}; ///< of a cell, by code
  Index padded_size = 1;
  Index image_size = 1;

  explicit Grid(const Shape<Dim>& image_shape) : shape(image_shape) {
    for (int a = Dim - 1; a >= 0; --a) {
      strides[a] = padded_size;
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

  /// The row of the image at a row of the padded grid; -1 if that is padding.
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

  /// The number of the block of `side` voxels along each axis in which a voxel lies.
  std::int32_t block(Index voxel, std::int32_t side) const {
    std::int32_t number = 0;
    auto rest = static_cast<std::uint32_t>(voxel); // dividing 32-bit numbers is several times faster
    for (int a = 0; a < Dim; ++a) {
      const auto stride = static_cast<std::uint32_t>(strides[a]);
      number =
          number * static_cast<std::int32_t>(shape[a] / side + 1) + static_cast<std::int32_t>(rest / stride) / side;
      rest %= stride;
    }
    return number;
  }

  /// The index in the image, without padding, of a voxel of the padded grid.
  Index image_index(Index voxel) const {
    Index index = 0;
    auto rest = static_cast<std::uint32_t>(voxel);
    for (int a = 0; a < Dim; ++a) {
      const auto stride = static_cast<std::uint32_t>(strides[a]);
      index = index * shape[a] + rest / stride - 1;
      rest %= stride;
    }
    return index;
  }
};

} // namespace segtopo
