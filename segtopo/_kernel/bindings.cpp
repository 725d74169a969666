#include "betti_matching.hpp"
#include "binding_tools.hpp"
#include "complex_bindings.hpp"
#include "cubical_persistence.hpp"
#include "large_memory.hpp"
#include "partial_assignment.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace nb = nanobind;
using namespace nb::literals;
using namespace segtopo;

namespace {

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

using Images = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;
using Batch = std::vector<LargeVector<VoxelPair>>; ///< the pairs of each image

/// The pairs of a batch as columns: image, dimension, birth index, death index.
class PairColumns {
public:
  PairColumns(const Batch& batch, const Execution& execution)
      : begins_(begins_of(batch)), image_(begins_.back()), dimension_(begins_.back()), birth_index_(begins_.back()),
        death_index_(begins_.back()) {
    for (std::size_t image = 0; image < batch.size(); ++image) {
      const auto ranges = split(std::ssize(batch[image]), 1024, execution);
      parallel_for(std::ssize(ranges), execution, [&](Index task) {
        for (Index i = ranges[task].begin; i < ranges[task].end; ++i)
          fill_row(static_cast<Index>(begins_[image]) + i, static_cast<Index>(image), batch[image][i]);
      });
    }
  }

  /// The row of the first pair of an image.
  Index begin(std::size_t image) const { return static_cast<Index>(begins_[image]); }

  nb::tuple to_numpy() {
    return nb::make_tuple(image_.to_numpy(), dimension_.to_numpy(), birth_index_.to_numpy(), death_index_.to_numpy());
  }

private:
  std::vector<std::size_t> begins_; ///< of each image, and the end of the last
  Column image_, dimension_, birth_index_, death_index_;

  static std::vector<std::size_t> begins_of(const Batch& batch) {
    std::vector<std::size_t> begins{0};
    for (const auto& pairs : batch) begins.push_back(begins.back() + pairs.size());
    return begins;
  }

  void fill_row(Index row, Index image, const VoxelPair& pair) {
    image_[row] = image;
    dimension_[row] = pair.dimension;
    birth_index_[row] = pair.birth;
    death_index_[row] = pair.death == VoxelPair::never ? -1 : Index{pair.death};
  }
};

/// Calls compute(image, execution) for every image of a batch: whole images first, then those that are left when there
/// are fewer than threads, which share the threads.
template <class Compute> void for_each_image(std::size_t batch_size, const Execution& execution, Compute compute) {
  const auto count = static_cast<Index>(batch_size), threads = static_cast<Index>(execution.num_threads);
  const Index rest = count % threads, whole = count - rest;
  auto with_threads = [&](Index image, Index num_threads) {
    compute(image, Execution{static_cast<int>(num_threads), execution.stop});
  };
  parallel_for(whole, execution, [&](Index image) { with_threads(image, 1); });
  parallel_for(rest, execution, [&](Index image) { with_threads(whole + image, threads / rest); });
}

template <int Dim> Shape<Dim> shape_of_images(const Images& images) {
  Shape<Dim> shape;
  for (int a = 0; a < Dim; ++a) shape[a] = static_cast<Index>(images.shape(a + 1));
  return shape;
}

/// Calls task with a number of axes and a value, of the types that images have.
template <bool with_bytes, class Task> nb::tuple dispatch(const Images& images, Task task) {
  auto with_dimension = [&](auto dim) -> nb::tuple {
    if (images.dtype() == nb::dtype<float>()) return task(dim, float{});
    if (images.dtype() == nb::dtype<double>()) return task(dim, double{});
    if constexpr (with_bytes)
      if (images.dtype() == nb::dtype<std::uint8_t>()) return task(dim, std::uint8_t{});
    throw nb::type_error("expected an array of another dtype");
  };
  if (images.ndim() == 3) return with_dimension(std::integral_constant<int, 2>());
  if (images.ndim() == 4) return with_dimension(std::integral_constant<int, 3>());
  throw nb::value_error("expected a batch of 2D or 3D images");
}

struct Options {
  Filtration filtration;
  Construction construction;
  int num_threads;

  Options(bool superlevel, bool top_cells, int threads)
      : filtration(superlevel ? Filtration::superlevel : Filtration::sublevel),
        construction(top_cells ? Construction::top_cells : Construction::vertices), num_threads(threads) {}
};

template <int Dim, class Value>
nb::tuple persistence(const Images& images, const Options& options, double min_persistence, std::optional<double> last,
                      const LowerStarTable<Dim>& table) {
  std::optional<Value> last_value;
  if (last) last_value = static_cast<Value>(*last);
  const auto shape = shape_of_images<Dim>(images);
  const auto* data = static_cast<const Value*>(images.data());
  const Index size = Grid<Dim>(shape).image_size;
  return run_interruptibly(options.num_threads,
                           [&](const Execution& execution) {
                             Batch batch(images.shape(0));
                             for_each_image(batch.size(), execution, [&](Index image, const Execution& share) {
                               batch[image] = cubical_persistence<Dim, Value>(
                                   data + image * size, shape, options.filtration, options.construction,
                                   static_cast<Value>(min_persistence), last_value, table, share);
                             });
                             return PairColumns(batch, execution);
                           })
      .to_numpy();
}

/// The pairs of predictions and targets, and for each pair of the predictions the row of its partner.
class MatchingColumns {
public:
  MatchingColumns(const Batch& prediction, const Batch& target, const std::vector<LargeVector<std::uint32_t>>& partner,
                  const Execution& execution)
      : prediction_(prediction, execution), target_(target, execution), partner_(count(partner)) {
    Index row = 0;
    for (std::size_t image = 0; image < partner.size(); ++image)
      for (const std::uint32_t number : partner[image])
        partner_[row++] = number == BettiMatching::none ? -1 : target_.begin(image) + number;
  }

  nb::tuple to_numpy() { return nb::make_tuple(prediction_.to_numpy(), target_.to_numpy(), partner_.to_numpy()); }

private:
  PairColumns prediction_, target_;
  Column partner_;

  static std::size_t count(const std::vector<LargeVector<std::uint32_t>>& partner) {
    std::size_t total = 0;
    for (const auto& of_image : partner) total += of_image.size();
    return total;
  }
};

template <int Dim, class Value>
nb::tuple matching(const Images& predictions, const Images& targets, const Options& options, double threshold,
                   bool binary_shortcut, const LowerStarTable<Dim>& table) {
  const auto shape = shape_of_images<Dim>(predictions);
  const auto* prediction = static_cast<const Value*>(predictions.data());
  const auto* target = static_cast<const Value*>(targets.data());
  const Index size = Grid<Dim>(shape).image_size;
  return run_interruptibly(options.num_threads,
                           [&](const Execution& execution) {
                             Batch predicted(predictions.shape(0)), expected(predictions.shape(0));
                             std::vector<LargeVector<std::uint32_t>> partner(predictions.shape(0));
                             for_each_image(partner.size(), execution, [&](Index image, const Execution& share) {
                               const Value *p = prediction + image * size, *g = target + image * size;
                               BettiMatching result =
                                   betti_matching<Dim, Value>(p, g, shape, options.filtration, options.construction,
                                                              threshold, binary_shortcut, table, share);
                               predicted[image] = std::move(result.prediction);
                               expected[image] = std::move(result.target);
                               partner[image] = std::move(result.partner);
                             });
                             return MatchingColumns(predicted, expected, partner, execution);
                           })
      .to_numpy();
}

void check_alike(const Images& predictions, const Images& targets) {
  bool alike = predictions.ndim() == targets.ndim() && predictions.dtype() == targets.dtype();
  for (std::size_t a = 0; alike && a < predictions.ndim(); ++a) alike = predictions.shape(a) == targets.shape(a);
  if (!alike) throw nb::value_error("expected predictions and targets of one shape and dtype");
}

template <class Value> using Vector = nb::ndarray<Value, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

template <class Value> std::span<Value> span_of(const Vector<Value>& vector) {
  return {vector.data(), vector.size()};
}

void assign(const Vector<const Index>& row_starts, const Vector<const Index>& columns,
            const Vector<const double>& costs, const Vector<Index>& row_mates, const Vector<double>& row_duals,
            const Vector<double>& column_duals, double tolerance) {
  const auto starts = span_of(row_starts), of_pairs = span_of(columns),
             mates = std::span<const Index>(span_of(row_mates));
  const auto num_columns = static_cast<Index>(column_duals.size());
  auto is_column = [&](Index j) { return 0 <= j && j < num_columns; };
  if (starts.size() != mates.size() + 1 || mates.size() != row_duals.size() || of_pairs.size() != costs.size() ||
      starts.front() != 0 || starts.back() != std::ssize(of_pairs) || !std::ranges::is_sorted(starts) ||
      !std::ranges::all_of(of_pairs, is_column) ||
      !std::ranges::all_of(mates, [&](Index j) { return j == -1 || is_column(j); }))
    throw nb::value_error("expected the pairs of each row, a mate and a dual for each row, a dual for each column");
  run_interruptibly(1, [&](const Execution& execution) {
    PartialAssignment({starts, of_pairs, span_of(costs)},
                      {span_of(row_mates), span_of(row_duals), span_of(column_duals)}, tolerance)
        .solve(execution);
  });
}

} // namespace

NB_MODULE(_native, m) {
  m.doc() = "The compiled kernel of segtopo.";
  nb::exception<NanError>(m, "NanError", PyExc_ValueError);
  const auto tables = std::make_shared<const LowerStarTables>();
  m.def(
      "cubical_persistence",
      [tables](const Images& images, bool superlevel, bool top_cells, double min_persistence,
               std::optional<double> last_value, int num_threads) {
        const Options options(superlevel, top_cells, num_threads);
        return dispatch<true>(images, [&](auto dim, auto value) {
          return persistence<dim(), decltype(value)>(images, options, min_persistence, last_value, tables->of<dim()>());
        });
      },
      "images"_a, nb::kw_only(), "superlevel"_a, "top_cells"_a, "min_persistence"_a = 0.0, "last_value"_a = nb::none(),
      "num_threads"_a,
      "Persistence pairs of a batch (N, *spatial), sorted by image and dimension, as four columns: image, dimension, "
      "linear index of the birth voxel in its image, and of the death voxel, -1 where a class is essential. With "
      "last_value the filtration ends at this value of the images, and classes alive then are essential.");
  m.def(
      "betti_matching",
      [tables](const Images& predictions, const Images& targets, bool superlevel, bool top_cells,
               std::optional<double> threshold, bool binary_shortcut, int num_threads) {
        check_alike(predictions, targets);
        const Options options(superlevel, top_cells, num_threads);
        return dispatch<false>(predictions, [&](auto dim, auto value) {
          return matching<dim(), decltype(value)>(predictions, targets, options,
                                                  threshold.value_or(std::numeric_limits<double>::infinity()),
                                                  binary_shortcut, tables->of<dim()>());
        });
      },
      "predictions"_a, "targets"_a, nb::kw_only(), "superlevel"_a, "top_cells"_a, "threshold"_a = nb::none(),
      "binary_shortcut"_a = true, "num_threads"_a,
      "Pairs of the predictions and of the targets, as of cubical_persistence, and for each pair of the predictions "
      "the row of its partner among the targets' pairs, or -1. With a threshold the filtrations "
      "are restricted to what enters the union by then, and the rest is a cone. With binary_shortcut, binary "
      "targets are recognised and take one persistence computation less; the result is the same.");
  m.def("partial_assignment", &assign, "row_starts"_a, "columns"_a, "costs"_a, "row_mates"_a.noconvert(),
        "row_duals"_a.noconvert(), "column_duals"_a.noconvert(), nb::kw_only(), "tolerance"_a,
        "Improves in place a matching of rows with columns, and its duals, until it has the least total cost over the "
        "pairs given, those of row i from row_starts[i] to row_starts[i + 1]. Unmatched rows and columns cost 0. What "
        "is given must be optimal for some of the pairs; no mates (-1) and duals of 0 are, for none.");
  bind_complexes(m);
}
