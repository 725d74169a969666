#include "cubical/cubical_persistence.hpp"

#include "cubical/voxel_pair_view.hpp"

#include <cmath>
#include <cstdint>
#include <iterator>
#include <optional>
#include <type_traits>
#include <vector>

namespace segtopo {

namespace {

/// Lists the essential classes and the pairs that live longer than `min_persistence`, one dimension after the other.
template <int Dim, class Value, class Storage>
LargeVector<VoxelPair> long_pairs(const VoxelPairView<Dim, KeyOf<Value>, Storage>& view, const Value* values,
                                  Value min_persistence, const Execution& execution) {
  constexpr std::uint32_t dropped = ~std::uint32_t{0}; // the dimension of a pair that is too short
  LargeVector<VoxelPair> result;
  for (int dimension = 0; dimension < Dim; ++dimension) {
    for (Index i = 0; i < std::ssize(view.essential(dimension)); ++i)
      result.push_back(view.essential_pair(dimension, i));
    const Index first = std::ssize(result), count = std::ssize(view.pairs(dimension));
    result.resize(first + count);
    const auto ranges = split(count, 1024, execution);
    parallel_for(std::ssize(ranges), execution, [&](Index task) {
      for (Index i = ranges[task].begin; i < ranges[task].end; ++i) {
        VoxelPair& pair = result[first + i];
        pair = view.pair(dimension, i);
        if (!(std::abs(values[pair.birth] - values[pair.death]) > min_persistence)) pair.dimension = dropped;
      }
    });
    std::erase_if(result, [](const VoxelPair& pair) { return pair.dimension == dropped; });
  }
  return result;
}

template <int Dim, class Value, class Storage, class IsInside>
LargeVector<VoxelPair> persistence_of(const Value* values, const Grid<Dim>& grid, const Storage& storage,
                                      const OutsidePieces* pieces, IsInside is_inside, Filtration filtration, bool dual,
                                      Value min_persistence, const LowerStarTable<Dim>& table,
                                      const Execution& execution) {
  using Key = KeyOf<Value>;
  const OrderedImage<Dim, Key, Storage> image(
      grid, storage, dual, [=](Index i) { return entry_key(values[i], filtration); }, is_inside, execution);
  const LowerStarGradient<Dim, Key, Storage> gradient(image, table, execution);
  const VertexPersistence<Dim, Key, Storage> persistence(gradient, pieces, execution);
  const VoxelPairView<Dim, Key, Storage> view(persistence, dual);
  return long_pairs<Dim, Value, Storage>(view, values, min_persistence, execution);
}

} // namespace

template <int Dim, class Value>
LargeVector<VoxelPair> cubical_persistence(const Value* values, const Shape<Dim>& shape, Filtration filtration,
                                           Construction construction, Value min_persistence,
                                           std::optional<Value> last_value, const LowerStarTable<Dim>& table,
                                           const Execution& wanted) {
  const Grid<Dim> grid(shape);
  check_size(grid);
  const Execution execution = useful_threads(grid, wanted);
  if constexpr (std::is_floating_point_v<Value>) check_for_nan(values, grid.image_size, execution);
  const bool dual = construction == Construction::top_cells;
  if (!last_value)
    return persistence_of<Dim>(values, grid, DenseStorage(grid), nullptr, Everywhere(), filtration, dual,
                               min_persistence, table, execution);
  auto is_inside = [values, last = *last_value, filtration](Index i) {
    return filtration == Filtration::superlevel ? values[i] >= last : values[i] <= last;
  };
  return with_storage(grid, dual, is_inside, execution, [&](const auto& storage) {
    const OutsidePieces pieces(grid, storage, dual, is_inside);
    return persistence_of<Dim>(values, grid, storage, &pieces, is_inside, filtration, dual, min_persistence, table,
                               execution);
  });
}

#define SEGTOPO_INSTANTIATE(Dim, Value)                                                                                \
  template LargeVector<VoxelPair> cubical_persistence<Dim, Value>(const Value*, const Shape<Dim>&, Filtration,         \
                                                                  Construction, Value, std::optional<Value>,           \
                                                                  const LowerStarTable<Dim>&, const Execution&)
SEGTOPO_INSTANTIATE(2, float);
SEGTOPO_INSTANTIATE(2, double);
SEGTOPO_INSTANTIATE(2, std::uint8_t);
SEGTOPO_INSTANTIATE(3, float);
SEGTOPO_INSTANTIATE(3, double);
SEGTOPO_INSTANTIATE(3, std::uint8_t);

} // namespace segtopo
