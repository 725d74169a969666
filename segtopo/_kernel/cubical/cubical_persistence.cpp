#include "cubical/cubical_persistence.hpp"

#include <cmath>
#include <cstdint>
#include <iterator>
#include <optional>
#include <type_traits>

namespace segtopo {

namespace {

template <int Dim, class Value, class Storage> class Classes {
public:
  using Key = KeyOf<Value>;

  Classes(const VertexPersistence<Dim, Key, Storage>& persistence, bool dual, const Value* values,
          Value min_persistence, const Execution& execution)
      : classes_(persistence, dual), values_(values), min_persistence_(min_persistence), execution_(execution) {}

  /// Those that never die and those that live longer than `min_persistence`, one dimension after the other.
  LargeVector<VoxelPair> list() const {
    LargeVector<VoxelPair> result;
    for (int dimension = 0; dimension < Dim; ++dimension) {
      for (Index i = 0; i < std::ssize(classes_.essential(dimension)); ++i)
        result.push_back(classes_.essential_class(dimension, i));
      append_long_pairs(dimension, result);
    }
    return result;
  }

private:
  static constexpr std::uint32_t dropped = ~std::uint32_t{0}; ///< the dimension of a pair that is too short

  VoxelPairs<Dim, Key, Storage> classes_;
  const Value* values_;
  Value min_persistence_;
  const Execution& execution_;

  void append_long_pairs(int dimension, LargeVector<VoxelPair>& result) const {
    const auto first = std::ssize(result), count = std::ssize(classes_.pairs(dimension));
    result.resize(first + count);
    const auto ranges = split(count, 1024, execution_);
    parallel_for(std::ssize(ranges), execution_, [&](Index task) {
      for (Index i = ranges[task].begin; i < ranges[task].end; ++i) {
        VoxelPair& pair = result[first + i];
        pair = classes_.pair(dimension, i);
        if (!(std::abs(values_[pair.birth] - values_[pair.death]) > min_persistence_)) pair.dimension = dropped;
      }
    });
    std::erase_if(result, [](const VoxelPair& pair) { return pair.dimension == dropped; });
  }
};

template <int Dim, class Value, class Storage, class IsInside>
LargeVector<VoxelPair> persistence_of(const Value* values, const Grid<Dim>& grid, const Storage& storage,
                                      IsInside is_inside, Filtration filtration, bool dual, Value min_persistence,
                                      const LowerStarTable<Dim>& table, const Execution& execution) {
  using Key = KeyOf<Value>;
  const OrderedImage<Dim, Key, Storage> image(
      grid, storage, dual, [=](Index i) { return entry_key(values[i], filtration); }, is_inside, execution);
  const LowerStarGradient<Dim, Key, Storage> gradient(image, table, execution);
  const VertexPersistence<Dim, Key, Storage> persistence(gradient, execution);
  return Classes<Dim, Value, Storage>(persistence, dual, values, min_persistence, execution).list();
}

} // namespace

template <int Dim, class Value>
LargeVector<VoxelPair> cubical_persistence(const Value* values, const Shape<Dim>& shape, Filtration filtration,
                                           Construction construction, Value min_persistence,
                                           std::optional<Value> threshold, const LowerStarTable<Dim>& table,
                                           const Execution& wanted) {
  const Grid<Dim> grid(shape);
  check_size(grid);
  const Execution execution = useful_threads(grid, wanted);
  if constexpr (std::is_floating_point_v<Value>) check_for_nan(values, grid.image_size, execution);
  const bool dual = construction == Construction::top_cells;
  if (!threshold)
    return persistence_of<Dim>(values, grid, DenseStorage(grid), Everywhere(), filtration, dual, min_persistence, table,
                               execution);
  auto is_inside = [=](Index i) {
    return filtration == Filtration::superlevel ? values[i] >= *threshold : values[i] <= *threshold;
  };
  const PagedStorage storage(grid, dual, is_inside, execution);
  return persistence_of<Dim>(values, grid, storage, is_inside, filtration, dual, min_persistence, table, execution);
}

template LargeVector<VoxelPair> cubical_persistence<2, float>(const float*, const Shape<2>&, Filtration, Construction,
                                                              float, std::optional<float>, const LowerStarTable<2>&,
                                                              const Execution&);
template LargeVector<VoxelPair> cubical_persistence<2, double>(const double*, const Shape<2>&, Filtration, Construction,
                                                               double, std::optional<double>, const LowerStarTable<2>&,
                                                               const Execution&);
template LargeVector<VoxelPair> cubical_persistence<2, std::uint8_t>(const std::uint8_t*, const Shape<2>&, Filtration,
                                                                     Construction, std::uint8_t,
                                                                     std::optional<std::uint8_t>,
                                                                     const LowerStarTable<2>&, const Execution&);
template LargeVector<VoxelPair> cubical_persistence<3, float>(const float*, const Shape<3>&, Filtration, Construction,
                                                              float, std::optional<float>, const LowerStarTable<3>&,
                                                              const Execution&);
template LargeVector<VoxelPair> cubical_persistence<3, double>(const double*, const Shape<3>&, Filtration, Construction,
                                                               double, std::optional<double>, const LowerStarTable<3>&,
                                                               const Execution&);
template LargeVector<VoxelPair> cubical_persistence<3, std::uint8_t>(const std::uint8_t*, const Shape<3>&, Filtration,
                                                                     Construction, std::uint8_t,
                                                                     std::optional<std::uint8_t>,
                                                                     const LowerStarTable<3>&, const Execution&);

} // namespace segtopo
