#include "betti_matching/betti_matching.hpp"
#include "bindings/binding_tools.hpp"
#include "bindings/bindings.hpp"
#include "bindings/pair_columns.hpp"
#include "cubical/cubical_persistence.hpp"

#include <nanobind/stl/optional.h>

#include <cstdint>
#include <optional>
#include <utility>

namespace segtopo {

using namespace nb::literals;

namespace {

void check_alike(const Images& predictions, const Images& targets) {
  bool alike = predictions.ndim() == targets.ndim() && predictions.dtype() == targets.dtype();
  for (std::size_t a = 0; alike && a < predictions.ndim(); ++a) alike = predictions.shape(a) == targets.shape(a);
  if (!alike) throw nb::value_error("expected predictions and targets of one shape and dtype");
}

/// Calls compute(image, execution) for every image of a batch. As many images as possible are computed by one thread
/// each; the last images, fewer than threads, share the threads.
template <class Compute> void for_each_image(Index count, const Execution& execution, Compute compute) {
  const Index threads = execution.num_threads, rest = count % threads, with_one_thread = count - rest;
  auto with_threads = [&](Index image, Index num_threads) {
    compute(image, Execution{static_cast<int>(num_threads), execution.stop});
  };
  parallel_for(with_one_thread, execution, [&](Index image) { with_threads(image, 1); });
  parallel_for(rest, execution, [&](Index image) { with_threads(with_one_thread + image, threads / rest); });
}

template <int Dim, class Value>
nb::tuple persistence(const Images& images, const Options& options, double min_persistence,
                      std::optional<double> last_value, const LowerStarTable<Dim>& table) {
  std::optional<Value> last;
  if (last_value) last = static_cast<Value>(*last_value);
  const auto shape = shape_of<Dim>(images, 1);
  const auto* values = static_cast<const Value*>(images.data());
  const Index size = Grid<Dim>(shape).image_size;
  auto compute = [&](const Execution& execution) {
    PairsOfImages pairs(images.shape(0));
    for_each_image(std::ssize(pairs), execution, [&](Index image, const Execution& share) {
      pairs[image] =
          cubical_persistence<Dim, Value>(values + image * size, shape, options.filtration, options.construction,
                                          static_cast<Value>(min_persistence), last, table, share);
    });
    return PairColumns(pairs, execution);
  };
  return run_interruptibly(options.num_threads, compute).to_numpy();
}

template <int Dim, class Value>
nb::tuple matching(const Images& predictions, const Images& targets, const Options& options,
                   std::optional<double> threshold, const LowerStarTable<Dim>& table) {
  const auto shape = shape_of<Dim>(predictions, 1);
  const auto* prediction_values = static_cast<const Value*>(predictions.data());
  const auto* target_values = static_cast<const Value*>(targets.data());
  const Index size = Grid<Dim>(shape).image_size;
  auto compute = [&](const Execution& execution) {
    PairsOfImages prediction_pairs(predictions.shape(0)), target_pairs(predictions.shape(0));
    PartnersOfImages partners(predictions.shape(0));
    for_each_image(std::ssize(partners), execution, [&](Index image, const Execution& share) {
      BettiMatching result =
          betti_matching<Dim, Value>(prediction_values + image * size, target_values + image * size, shape,
                                     options.filtration, options.construction, threshold, table, share);
      prediction_pairs[image] = std::move(result.prediction);
      target_pairs[image] = std::move(result.target);
      partners[image] = std::move(result.partner);
    });
    return MatchingColumns(prediction_pairs, target_pairs, partners, execution);
  };
  return run_interruptibly(options.num_threads, compute).to_numpy();
}

} // namespace

void bind_images(nb::module_& m, const SharedTables& tables) {
  m.def(
      "cubical_persistence",
      [tables](const Images& images, bool superlevel, bool top_cells, double min_persistence,
               std::optional<double> last_value, int num_threads) {
        const Options options(superlevel, top_cells, num_threads);
        return dispatch<true>(images, images.ndim() - 1, [&](auto dim, auto value) {
          return persistence<dim(), decltype(value)>(images, options, min_persistence, last_value, tables->of<dim()>());
        });
      },
      "images"_a, nb::kw_only(), "superlevel"_a, "top_cells"_a, "min_persistence"_a = 0.0, "last_value"_a = nb::none(),
      "num_threads"_a,
      "Computes the persistence pairs of a batch of images (N, *spatial). Returns four columns, sorted by image and "
      "dimension: image, dimension, linear index of the birth voxel in its image, linear index of the death voxel. A "
      "death of -1 means that the class is essential. last_value is the value of the images at which the filtration "
      "ends; classes alive there are essential.");
  m.def(
      "betti_matching",
      [tables](const Images& predictions, const Images& targets, bool superlevel, bool top_cells,
               std::optional<double> threshold, int num_threads) {
        check_alike(predictions, targets);
        const Options options(superlevel, top_cells, num_threads);
        return dispatch<false>(predictions, predictions.ndim() - 1, [&](auto dim, auto value) {
          return matching<dim(), decltype(value)>(predictions, targets, options, threshold, tables->of<dim()>());
        });
      },
      "predictions"_a, "targets"_a, nb::kw_only(), "superlevel"_a, "top_cells"_a, "threshold"_a = nb::none(),
      "num_threads"_a,
      "Computes the Betti matching of a batch of predictions and targets. Returns the pairs of the predictions and of "
      "the targets, as cubical_persistence does, and for each pair of the predictions the row of its partner among the "
      "pairs of the targets, -1 for none. threshold is the filtration parameter in [0, 1] at which the union ends: its "
      "value under sublevel, 1 minus its value under superlevel. Classes alive there are essential.");
}

} // namespace segtopo
