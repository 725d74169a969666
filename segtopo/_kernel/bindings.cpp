#include "cubical_persistence.hpp"
#include "large_memory.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <chrono>
#include <future>
#include <iterator>
#include <memory>
#include <stop_token>
#include <vector>

namespace nb = nanobind;
using namespace nb::literals;
using namespace segtopo;

namespace {

struct LowerStarTables {
  LowerStarTable<2> plane;
  LowerStarTable<3> space;
};

using Images = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;
using Batch = std::vector<LargeVector<VoxelPair>>; ///< the pairs of each image

/// A NumPy array of one row for each pair, or of one number if it has a single column.
class Table {
public:
  Table(std::size_t rows, std::size_t columns)
      : rows_(rows), columns_(columns), values_(std::make_unique<LargeArray<Index>>(rows * columns)) {}

  Index* row(std::size_t i) { return values_->data() + i * columns_; }

  nb::object to_numpy() {
    Index* data = values_->data();
    nb::capsule owner(values_.release(), [](void* p) noexcept { delete static_cast<LargeArray<Index>*>(p); });
    if (columns_ == 1) return nb::ndarray<nb::numpy, Index>(data, {rows_}, owner).cast();
    return nb::ndarray<nb::numpy, Index>(data, {rows_, columns_}, owner).cast();
  }

private:
  std::size_t rows_, columns_;
  std::unique_ptr<LargeArray<Index>> values_;
};

/// The pairs of a batch as arrays, one for each field.
template <int Dim> class PairTables {
public:
  PairTables(const Batch& batch, const Shape<Dim>& shape, const Execution& execution)
      : offsets_(batch.size() + 1, 1), size_(fill_offsets(batch)), shape_(shape), dimensions_(size_, 1),
        births_(size_, 1), deaths_(size_, 1), birth_voxels_(size_, Dim), death_voxels_(size_, Dim) {
    for (std::size_t image = 0; image < batch.size(); ++image) {
      const auto ranges = split(std::ssize(batch[image]), 1024, execution);
      parallel_for(std::ssize(ranges), execution, [&](Index task) {
        for (Index i = ranges[task].begin; i < ranges[task].end; ++i)
          fill_row(*offsets_.row(image) + i, batch[image][i]);
      });
    }
  }

  nb::tuple to_numpy() {
    return nb::make_tuple(offsets_.to_numpy(), dimensions_.to_numpy(), births_.to_numpy(), deaths_.to_numpy(),
                          birth_voxels_.to_numpy(), death_voxels_.to_numpy());
  }

private:
  Table offsets_;
  std::size_t size_;
  Shape<Dim> shape_;
  Table dimensions_, births_, deaths_, birth_voxels_, death_voxels_;

  std::size_t fill_offsets(const Batch& batch) {
    std::size_t end = 0;
    *offsets_.row(0) = 0;
    for (std::size_t image = 0; image < batch.size(); ++image)
      *offsets_.row(image + 1) = static_cast<Index>(end += batch[image].size());
    return end;
  }

  void fill_row(Index row, const VoxelPair& pair) {
    *dimensions_.row(row) = pair.dimension;
    fill_voxel(pair.birth, births_.row(row), birth_voxels_.row(row));
    fill_voxel(pair.death, deaths_.row(row), death_voxels_.row(row));
  }

  void fill_voxel(std::uint32_t voxel, Index* index, Index* position) const {
    *index = voxel == VoxelPair::never ? -1 : Index{voxel};
    for (int a = Dim - 1; a >= 0; --a) {
      const auto size = static_cast<std::uint32_t>(shape_[a]);
      position[a] = voxel == VoxelPair::never ? -1 : Index{voxel % size};
      if (voxel != VoxelPair::never) voxel /= size;
    }
  }
};

struct Options {
  Filtration filtration;
  Construction construction;
  double min_persistence;
};

template <int Dim, class Value>
Batch persistence_of_batch(const Images& images, const Shape<Dim>& shape, const Options& options,
                           const LowerStarTable<Dim>& table, const Execution& execution) {
  Index size = 1;
  for (const Index n : shape) size *= n;
  const auto* data = static_cast<const Value*>(images.data());
  Batch batch(images.shape(0));
  auto compute = [&](Index image, int num_threads) {
    batch[image] = cubical_persistence<Dim, Value>(data + image * size, shape, options.filtration, options.construction,
                                                   static_cast<Value>(options.min_persistence), table,
                                                   {num_threads, execution.stop});
  };
  // Whole images first; what is left when there are fewer images than threads shares these.
  const auto count = static_cast<Index>(batch.size()), threads = static_cast<Index>(execution.num_threads);
  const Index rest = count % threads, whole = count - rest;
  parallel_for(whole, execution, [&](Index image) { compute(image, 1); });
  parallel_for(rest, execution, [&](Index image) { compute(whole + image, static_cast<int>(threads / rest)); });
  return batch;
}

/// Runs a computation on a thread of its own while this one looks for signals, such as Ctrl-C.
template <class Computation> auto run_interruptibly(int num_threads, Computation&& computation) {
  std::stop_source stop;
  const nb::gil_scoped_release released;
  auto result = std::async(std::launch::async, [&] { return computation(Execution{num_threads, stop.get_token()}); });
  while (result.wait_for(std::chrono::milliseconds(50)) != std::future_status::ready) {
    const nb::gil_scoped_acquire acquired;
    if (PyErr_CheckSignals() == 0) continue;
    stop.request_stop(); // the future waits for the thread when it goes out of scope
    throw nb::python_error();
  }
  return result.get();
}

template <int Dim, class Value>
nb::tuple persistence(const Images& images, const Options& options, const LowerStarTable<Dim>& table, int num_threads) {
  Shape<Dim> shape;
  for (int a = 0; a < Dim; ++a) shape[a] = static_cast<Index>(images.shape(a + 1));
  return run_interruptibly(num_threads,
                           [&](const Execution& execution) {
                             const Batch batch =
                                 persistence_of_batch<Dim, Value>(images, shape, options, table, execution);
                             return PairTables<Dim>(batch, shape, execution);
                           })
      .to_numpy();
}

template <int Dim>
nb::tuple persistence(const Images& images, const Options& options, const LowerStarTable<Dim>& table, int num_threads) {
  if (images.dtype() == nb::dtype<float>()) return persistence<Dim, float>(images, options, table, num_threads);
  if (images.dtype() == nb::dtype<double>()) return persistence<Dim, double>(images, options, table, num_threads);
  throw nb::type_error("expected float32 or float64");
}

} // namespace

NB_MODULE(_native, m) {
  m.doc() = "The compiled kernel of segtopo.";
  nb::exception<NanError>(m, "NanError", PyExc_ValueError);
  const auto tables = std::make_shared<const LowerStarTables>();
  m.def(
      "cubical_persistence",
      [tables](const Images& images, bool superlevel, bool top_cells, double min_persistence, int num_threads) {
        const Options options{superlevel ? Filtration::superlevel : Filtration::sublevel,
                              top_cells ? Construction::top_cells : Construction::vertices, min_persistence};
        if (images.ndim() == 3) return persistence<2>(images, options, tables->plane, num_threads);
        if (images.ndim() == 4) return persistence<3>(images, options, tables->space, num_threads);
        throw nb::value_error("expected a batch of 2D or 3D images");
      },
      "images"_a, nb::kw_only(), "superlevel"_a, "top_cells"_a, "min_persistence"_a, "num_threads"_a,
      "Persistence pairs of a batch (N, *spatial): where each image's pairs begin; their dimensions; the linear "
      "indices of their birth and death voxels and the voxels' positions, -1 for none.");
}
