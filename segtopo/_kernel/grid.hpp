#pragma once

#include "star_cells.hpp"

#include <array>
#include <cstdint>

namespace segtopo {

using Index = std::int64_t;

template <int Dim> using Shape = std::array<Index, Dim>;

/// A cell of the grid, as seen from one of its vertices.
struct Cell {
  Index voxel;
  int code;
};

/// The voxel grid of an image with one layer of voxels added on every side, so that every voxel of the image
/// has all its neighbours.
template <int Dim> class Grid {
public:
  Shape<Dim> shape;                                ///< of the image
  Shape<Dim> strides;                              ///< of the padded grid
  std::array<Index, StarCells<Dim>::count> step{}; ///< to the voxel at a displacement, by code
  Index padded_size = 1;
  Index image_size = 1;

  explicit Grid(const Shape<Dim>& image_shape) : shape(image_shape) {
    for (int a = Dim - 1; a >= 0; --a) {
      strides[a] = padded_size;
      padded_size *= shape[a] + 2;
      image_size *= shape[a];
    }
    for (int c = 0; c < StarCells<Dim>::count; ++c)
      for (int a = 0; a < Dim; ++a) step[c] += strides[a] * star_cells<Dim>.displacement[c][a];
  }

  Index row_length() const { return shape[Dim - 1]; }
  Index row_count() const { return image_size / shape[Dim - 1]; }

  /// The padded index of the first voxel of a row; rows run along the last axis.
  Index row_start(Index row) const {
    Index start = strides[Dim - 1];
    for (int a = Dim - 2; a >= 0; --a) {
      start += (row % shape[a] + 1) * strides[a];
      row /= shape[a];
    }
    return start;
  }

  /// The index in the image, without padding, of a voxel of the padded grid.
  Index image_index(Index voxel) const {
    Index index = 0;
    for (int a = 0; a < Dim; ++a) {
      index = index * shape[a] + voxel / strides[a] - 1;
      voxel %= strides[a];
    }
    return index;
  }

  /// The corner of a cell that has the smallest index.
  Index lowest_corner(const Cell& cell) const {
    Index corner = cell.voxel;
    for (int a = 0; a < Dim; ++a)
      if (star_cells<Dim>.displacement[cell.code][a] < 0) corner -= strides[a];
    return corner;
  }
};

} // namespace segtopo
