#include "cubical_persistence.hpp"

#include <cmath>
#include <iterator>

namespace segtopo {

namespace {

/// The classes of one dimension that live longer than `min_persistence`.
template <int Dim, class Value>
void append_long_pairs(const VoxelPairs<Dim, KeyOf<Value>, DenseStorage>& classes, int dimension, const Value* values,
                       Value min_persistence, const Execution& execution, LargeVector<VoxelPair>& result) {
  constexpr std::uint32_t dropped = ~std::uint32_t{0};
  const auto first = std::ssize(result), count = std::ssize(classes.pairs(dimension));
  result.resize(first + count);
  const auto ranges = split(count, 1024, execution);
  parallel_for(std::ssize(ranges), execution, [&](Index task) {
    for (Index i = ranges[task].begin; i < ranges[task].end; ++i) {
      VoxelPair& pair = result[first + i];
      pair = classes.pair(dimension, i);
      if (!(std::abs(values[pair.birth] - values[pair.death]) > min_persistence)) pair.dimension = dropped;
    }
  });
  std::erase_if(result, [](const VoxelPair& pair) { return pair.dimension == dropped; });
}

} // namespace

template <int Dim, class Value>
LargeVector<VoxelPair> cubical_persistence(const Value* values, const Shape<Dim>& shape, Filtration filtration,
                                           Construction construction, Value min_persistence,
                                           const LowerStarTable<Dim>& table, const Execution& wanted) {
  using Key = KeyOf<Value>;
  const Grid<Dim> grid(shape);
  check_size(grid);
  const Execution execution = useful_threads(grid, wanted);
  check_for_nan(values, grid.image_size, execution);
  const DenseStorage storage(grid);
  const bool dual = construction == Construction::top_cells;
  const OrderedImage<Dim, Key, DenseStorage> image(
      grid, storage, dual, [=](Index i) { return entry_key(values[i], filtration); }, Everywhere(), execution);
  const LowerStarGradient<Dim, Key, DenseStorage> gradient(image, table, execution);
  const VertexPersistence<Dim, Key, DenseStorage> persistence(gradient, execution);
  const VoxelPairs<Dim, Key, DenseStorage> classes(persistence, dual);
  LargeVector<VoxelPair> result{classes.essential_class(0, 0)};
  for (int dimension = 0; dimension < Dim; ++dimension)
    append_long_pairs<Dim, Value>(classes, dimension, values, min_persistence, execution, result);
  return result;
}

template LargeVector<VoxelPair> cubical_persistence<2, float>(const float*, const Shape<2>&, Filtration, Construction,
                                                              float, const LowerStarTable<2>&, const Execution&);
template LargeVector<VoxelPair> cubical_persistence<2, double>(const double*, const Shape<2>&, Filtration, Construction,
                                                               double, const LowerStarTable<2>&, const Execution&);
template LargeVector<VoxelPair> cubical_persistence<3, float>(const float*, const Shape<3>&, Filtration, Construction,
                                                              float, const LowerStarTable<3>&, const Execution&);
template LargeVector<VoxelPair> cubical_persistence<3, double>(const double*, const Shape<3>&, Filtration, Construction,
                                                               double, const LowerStarTable<3>&, const Execution&);

} // namespace segtopo
