#pragma once

#include "cubical/filtration.hpp"
#include "cubical/grid.hpp"
#include "cubical/lower_star_table.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

namespace segtopo {

namespace nb = nanobind;

struct LowerStarTables {
  LowerStarTable<2> plane;
  LowerStarTable<3> space;

  template <int Dim> const LowerStarTable<Dim>& of() const {
    if constexpr (Dim == 2)
      return plane;
    else
      return space;
  }
};

using SharedTables = std::shared_ptr<const LowerStarTables>;

using Images = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>; ///< an image (*spatial) or a batch (N, *spatial)

/// The lengths of the last axes of an array.
template <int Dim, class Array> Shape<Dim> shape_of(const Array& array, std::size_t first_axis) {
  Shape<Dim> shape;
  for (int a = 0; a < Dim; ++a) shape[a] = static_cast<Index>(array.shape(first_axis + a));
  return shape;
}

/// Calls task(dimension, value) with a std::integral_constant and a zero of the images' type.
template <bool with_bytes, class Task> nb::tuple dispatch(const Images& images, std::size_t spatial_axes, Task task) {
  auto with_dimension = [&](auto dim) -> nb::tuple {
    if (images.dtype() == nb::dtype<float>()) return task(dim, float{});
    if (images.dtype() == nb::dtype<double>()) return task(dim, double{});
    if constexpr (with_bytes)
      if (images.dtype() == nb::dtype<std::uint8_t>()) return task(dim, std::uint8_t{});
    throw nb::type_error("expected an array of another dtype");
  };
  if (spatial_axes == 2) return with_dimension(std::integral_constant<int, 2>());
  if (spatial_axes == 3) return with_dimension(std::integral_constant<int, 3>());
  throw nb::value_error("expected 2D or 3D images");
}

struct Options {
  Filtration filtration;
  Construction construction;
  int num_threads;

  Options(bool superlevel, bool top_cells, int threads)
      : filtration(superlevel ? Filtration::superlevel : Filtration::sublevel),
        construction(top_cells ? Construction::top_cells : Construction::vertices), num_threads(threads) {}
};

} // namespace segtopo
