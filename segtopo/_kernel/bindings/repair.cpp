#include "bindings/binding_tools.hpp"
#include "bindings/bindings.hpp"
#include "bindings/image_tools.hpp"
#include "repair/joining_paths.hpp"
#include "repair/simple_voxels.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <span>
#include <vector>

namespace segtopo {

using namespace nb::literals;

namespace {

template <class Value> using Bytes = nb::ndarray<Value, nb::c_contig, nb::device::cpu>;
using Indices = nb::ndarray<const Index, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

template <class Value> nb::object to_numpy(const std::vector<Value>& values) {
  Column column(values.size());
  for (Index i = 0; i < std::ssize(values); ++i) column[i] = static_cast<Index>(values[i]);
  return column.to_numpy();
}

template <int Dim, class Value>
nb::tuple paths(const Images& image, const Options& options, double mask_value, double last_value,
                const LowerStarTable<Dim>& table) {
  const JoiningPaths result = run_interruptibly(options.num_threads, [&](const Execution& execution) {
    return joining_paths<Dim, Value>(static_cast<const Value*>(image.data()), shape_of<Dim>(image, 0),
                                     options.filtration, options.construction, static_cast<Value>(mask_value),
                                     static_cast<Value>(last_value), table, execution);
  });
  return nb::make_tuple(to_numpy(result.saddles), to_numpy(result.births), to_numpy(result.starts),
                        to_numpy(result.voxels));
}

void add_simple(const Bytes<std::uint8_t>& mask, const Indices& candidates, const Bytes<std::uint8_t>& added,
                bool top_cells) {
  const std::span<const Index> voxels(candidates.data(), candidates.size());
  const auto size = static_cast<Index>(mask.size());
  if (added.size() != voxels.size() || !std::ranges::all_of(voxels, [&](Index v) { return 0 <= v && v < size; }))
    throw nb::value_error("expected candidates in the mask, and a byte for each");
  const Construction construction = Options(true, top_cells, 1).construction;
  if (mask.ndim() == 2)
    add_simple_voxels<2>(mask.data(), shape_of<2>(mask, 0), construction, voxels, added.data());
  else if (mask.ndim() == 3)
    add_simple_voxels<3>(mask.data(), shape_of<3>(mask, 0), construction, voxels, added.data());
  else
    throw nb::value_error("expected a 2D or 3D mask");
}

} // namespace

void bind_repair(nb::module_& m, const SharedTables& tables) {
  m.def(
      "joining_paths",
      [tables](const Images& image, bool superlevel, bool top_cells, double mask_value, double last_value,
               int num_threads) {
        const Options options(superlevel, top_cells, num_threads);
        return dispatch<false>(image, image.ndim(), [&](auto dim, auto value) {
          return paths<dim(), decltype(value)>(image, options, mask_value, last_value, tables->of<dim()>());
        });
      },
      "image"_a, nb::kw_only(), "superlevel"_a, "top_cells"_a, "mask_value"_a, "last_value"_a, "num_threads"_a,
      "Computes the minimax paths between the pieces of a mask: the voxels that enter the filtration up to mask_value. "
      "Saddles are visited up to last_value. Returns four columns of linear indices: the saddle of each path, the "
      "first "
      "voxel of the younger piece, the first position of the path in the last column (with one more number at the "
      "end), and the voxels of all paths, from a voxel of one piece to a voxel of the other.");
  m.def("add_simple_voxels", &add_simple, "mask"_a.noconvert(), "candidates"_a, "added"_a.noconvert(), nb::kw_only(),
        "top_cells"_a,
        "Adds voxels, given by linear indices, to a mask of bytes where this does not change its topology. The "
        "candidates are tried one after the other. added[i] becomes 1 if candidate i was added, otherwise 0.");
}

} // namespace segtopo
