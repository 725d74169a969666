#include "cubical_persistence.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <memory>
#include <utility>
#include <vector>

namespace nb = nanobind;
using namespace nb::literals;
using namespace segtopo;

namespace {

struct LowerStarTables {
  LowerStarTable<2> plane;
  LowerStarTable<3> space;
};

using Indices = nb::ndarray<nb::numpy, Index, nb::ndim<1>>;
using Images = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;

Indices to_numpy(std::vector<Index>&& values) {
  auto owned = std::make_unique<std::vector<Index>>(std::move(values));
  Index* data = owned->data();
  const std::size_t size = owned->size();
  nb::capsule owner(owned.release(), [](void* p) noexcept { delete static_cast<std::vector<Index>*>(p); });
  return Indices(data, {size}, owner);
}

/// One array per field of the pairs, and where each image's pairs begin.
nb::tuple columns_of(const std::vector<std::vector<VoxelPair>>& batch) {
  std::vector<Index> offsets{0}, dimensions, births, deaths;
  for (const auto& pairs : batch) {
    for (const auto& [dimension, birth, death] : pairs) {
      dimensions.push_back(dimension);
      births.push_back(birth);
      deaths.push_back(death);
    }
    offsets.push_back(static_cast<Index>(births.size()));
  }
  return nb::make_tuple(to_numpy(std::move(offsets)), to_numpy(std::move(dimensions)), to_numpy(std::move(births)),
                        to_numpy(std::move(deaths)));
}

template <int Dim, class Value>
std::vector<std::vector<VoxelPair>> persistence_of_batch(const Images& images, Filtration filtration,
                                                         Construction construction, const LowerStarTable<Dim>& table,
                                                         int num_threads) {
  Shape<Dim> shape;
  Index size = 1;
  for (int a = 0; a < Dim; ++a) size *= shape[a] = static_cast<Index>(images.shape(a + 1));
  const auto count = static_cast<Index>(images.shape(0));
  const Value* data = static_cast<const Value*>(images.data());
  // Whole images first: threads inside an image help only when there are fewer images than threads.
  const int threads_inside = count >= num_threads ? 1 : num_threads;
  std::vector<std::vector<VoxelPair>> result(count);
  const nb::gil_scoped_release released;
  parallel_for(count, num_threads / threads_inside, [&](Index i) {
    result[i] = cubical_persistence<Dim>(data + i * size, shape, filtration, construction, table, threads_inside);
  });
  return result;
}

template <class Value>
std::vector<std::vector<VoxelPair>> persistence(const Images& images, Filtration filtration, Construction construction,
                                                const LowerStarTables& tables, int num_threads) {
  if (images.ndim() == 3)
    return persistence_of_batch<2, Value>(images, filtration, construction, tables.plane, num_threads);
  if (images.ndim() == 4)
    return persistence_of_batch<3, Value>(images, filtration, construction, tables.space, num_threads);
  throw nb::value_error("expected a batch of 2D or 3D images");
}

} // namespace

NB_MODULE(_native, m) {
  m.doc() = "The compiled kernel of segtopo.";
  nb::exception<NanError>(m, "NanError", PyExc_ValueError);
  const auto tables = std::make_shared<const LowerStarTables>();
  m.def(
      "cubical_persistence",
      [tables](const Images& images, bool superlevel, bool top_cells, int num_threads) {
        const Filtration filtration = superlevel ? Filtration::superlevel : Filtration::sublevel;
        const Construction construction = top_cells ? Construction::top_cells : Construction::vertices;
        if (images.dtype() == nb::dtype<float>())
          return columns_of(persistence<float>(images, filtration, construction, *tables, num_threads));
        if (images.dtype() == nb::dtype<double>())
          return columns_of(persistence<double>(images, filtration, construction, *tables, num_threads));
        throw nb::type_error("expected float32 or float64");
      },
      "images"_a, nb::kw_only(), "superlevel"_a, "top_cells"_a, "num_threads"_a,
      "Persistence pairs of a batch (N, *spatial): where each image's pairs begin; their dimensions; the linear "
      "indices of their birth and death voxels, -1 for none.");
}
