#include "betti_matching/betti_matching.hpp"

#include "betti_matching/image_persistence.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <iterator>
#include <limits>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

namespace segtopo {

namespace {

/// An image from its voxels' order to its persistence.
template <int Dim, class Key, class Storage> struct FilteredImage {
  OrderedImage<Dim, Key, Storage> image;
  LowerStarGradient<Dim, Key, Storage> gradient;
  VertexPersistence<Dim, Key, Storage> persistence;

  template <class KeyOfVoxel, class IsInside>
  FilteredImage(const Grid<Dim>& grid, const Storage& storage, bool dual, KeyOfVoxel key_of, IsInside is_inside,
                const LowerStarTable<Dim>& table, const Execution& execution)
      : image(grid, storage, dual, key_of, is_inside, execution), gradient(image, table, execution),
        persistence(gradient, execution) {}
};

/// The places of voxels in the order (keys..., index): the last key is the one sorted by first.
template <class Key, class... KeyOfVoxel>
LargeVector<Key> lexicographic_places(Index size, const KeyOfVoxel&... key_of) {
  if (size > std::numeric_limits<std::int32_t>::max())
    throw std::length_error("targets that are not binary are supported up to 2^31 voxels");
  LargeVector<Keyed<Key>> voxels(size);
  for (Index i = 0; i < size; ++i) voxels[i].number = static_cast<std::uint32_t>(i);
  auto sort_by = [&](const auto& key) {
    for (Keyed<Key>& voxel : voxels) voxel.key = key(voxel.number);
    radix_sort(voxels);
  };
  (sort_by(key_of), ...);
  LargeVector<Key> places(size);
  for (Index i = 0; i < size; ++i) places[voxels[i].number] = static_cast<Key>(i);
  return places;
}

/// Two images of one shape, and their union.
template <class Value> struct ImagePair {
  const Value* prediction;
  const Value* target;
  Filtration filtration;
  double threshold;

  Value in_union(Index i) const {
    return filtration == Filtration::superlevel ? std::max(prediction[i], target[i])
                                                : std::min(prediction[i], target[i]);
  }

  /// Whether a voxel enters the union by the threshold.
  bool is_inside(Index i) const {
    const double value = in_union(i);
    return (filtration == Filtration::superlevel ? 1 - value : value) <= threshold;
  }

  bool is_before(Value a, Value b) const { return filtration == Filtration::superlevel ? a > b : a < b; }

  /// Whether the target is binary and the prediction between 0 and 1. Neither then holds NaN.
  bool has_binary_target(Index size, const Execution& execution) const {
    std::atomic<bool> is_binary{true};
    const auto ranges = split(size, 1 << 14, execution);
    parallel_for(std::ssize(ranges), execution, [&](Index task) {
      bool all = true;
      for (Index i = ranges[task].begin; i < ranges[task].end; ++i)
        all &= ((target[i] == 0) | (target[i] == 1)) & (prediction[i] >= 0) & (prediction[i] <= 1);
      if (!all) is_binary = false;
    });
    return is_binary;
  }
};

/// One class of one dimension for each cell, or none.
using ClassOfCell = LargeVector<std::uint32_t>;

/// The classes of an image of which the two voxels differ in value, those that never die first.
template <int Dim, class Value, class Storage> struct ListedClasses {
  VoxelPairs<Dim, KeyOf<Value>, Storage> classes;
  LargeVector<VoxelPair> list;
  std::array<ClassOfCell, Dim> of_cell; ///< by dimension, then by the cell with which the class is created or destroyed
  std::array<ClassOfCell, Dim> of_essential_cell; ///< the same of classes that never die

  ListedClasses(const VertexPersistence<Dim, KeyOf<Value>, Storage>& persistence, bool dual, const Value* values,
                bool by_death)
      : classes(persistence, dual) {
    for (int dimension = 0; dimension < Dim; ++dimension) {
      const int k = classes.cell_dimension(dimension);
      of_cell[dimension].resize(persistence.cells(by_death ? k + 1 : k).size(), BettiMatching::none);
      const auto& essential = classes.essential(dimension);
      of_essential_cell[dimension].resize(persistence.cells(classes.essential_cell_dimension(dimension)).size(),
                                          BettiMatching::none);
      for (Index i = 0; i < std::ssize(essential); ++i) {
        of_essential_cell[dimension][essential[i]] = static_cast<std::uint32_t>(list.size());
        list.push_back(classes.essential_class(dimension, i));
      }
      const auto& pairs = classes.pairs(dimension);
      for (Index i = 0; i < std::ssize(pairs); ++i) {
        const VoxelPair pair = classes.pair(dimension, i);
        if (values[pair.birth] == values[pair.death]) continue;
        of_cell[dimension][by_death ? pairs[i].death : pairs[i].birth] = static_cast<std::uint32_t>(list.size());
        list.push_back(pair);
      }
    }
  }
};

/// Matches two images through their union.
///
/// In the V-construction the image of a class in the union is born with the cell that gives birth to the class and
/// dies with a cell of the union. In dual order the union's filtration lies in the image's, and births and deaths have
/// changed places. The union's cell identifies the image.
template <int Dim, class Value, class Storage> class Matching {
public:
  Matching(const ImagePair<Value>& images, const Grid<Dim>& grid, const Storage& storage, bool dual,
           const LowerStarTable<Dim>& table, const Execution& execution)
      : images_(images), grid_(grid), storage_(storage), dual_(dual), table_(table), execution_(execution) {}

  BettiMatching with_binary_target() const {
    const Value first = images_.filtration == Filtration::superlevel ? Value{1} : Value{0};
    const Key shift = order_key(Value{1}) + 1; // brings all that enters first in the target before all else
    auto target_key = [=, this](Index i) {
      return key(images_.prediction, i) - (images_.target[i] == first ? shift : Key{0});
    };
    const auto [prediction, both] = filtered([this](Index i) { return key(images_.prediction, i); }, target_key);
    const Classes predicted(prediction->persistence, dual_, images_.prediction, dual_);
    const Classes expected(both->persistence, dual_, images_.target, !dual_);
    // The inclusion of the target in the union changes the values of its classes, not their cells.
    ClassesInUnion in_both{expected.of_cell, expected.of_essential_cell};
    for (ClassOfCell& classes : in_both.dying)
      for (std::uint32_t& number : classes)
        if (number != none && !images_.is_before(images_.target[expected.list[number].birth],
                                                 images_.in_union(expected.list[number].death)))
          number = none;
    return match(predicted, expected, in_both, *prediction, *both);
  }

  BettiMatching with_any_target() const {
    auto prediction_key = [this](Index i) { return key(images_.prediction, i); };
    auto expected_key = [this](Index i) { return key(images_.target, i); };
    auto union_key = [this](Index i) { return entry_key(images_.in_union(i), images_.filtration); };
    const auto in_target = lexicographic_places<Key>(grid_.image_size, prediction_key, expected_key);
    const auto in_both = lexicographic_places<Key>(grid_.image_size, prediction_key, expected_key, union_key);
    const auto [prediction, target, both] =
        filtered(prediction_key, [&](Index i) { return in_target[i]; }, [&](Index i) { return in_both[i]; });
    const Classes predicted(prediction->persistence, dual_, images_.prediction, dual_);
    const Classes expected(target->persistence, dual_, images_.target, dual_);
    ClassesInUnion classes;
    for (int dimension = 0; dimension < Dim; ++dimension) {
      const auto& cells = both->persistence;
      classes.dying[dimension].resize(cells.cells(cell_dimension_in_union(expected, dimension)).size(), none);
      classes.essential[dimension].resize(cells.cells(expected.classes.essential_cell_dimension(dimension)).size(),
                                          none);
    }
    for_each_image(expected, images_.target, *target, *both,
                   [&](int dimension, std::uint32_t number, std::uint32_t cell, bool is_essential) {
                     classes.of(is_essential)[dimension][cell] = number;
                   });
    return match(predicted, expected, classes, *prediction, *both);
  }

private:
  using Key = KeyOf<Value>;
  using Filtered = FilteredImage<Dim, Key, Storage>;
  using Classes = ListedClasses<Dim, Value, Storage>;
  static constexpr std::uint32_t none = BettiMatching::none;

  /// The target's classes by dimension, then by the cells of the union that destroy their images or, if they never
  /// die, create them.
  struct ClassesInUnion {
    std::array<ClassOfCell, Dim> dying, essential;
    std::array<ClassOfCell, Dim>& of(bool is_essential) { return is_essential ? essential : dying; }
  };

  const ImagePair<Value>& images_;
  const Grid<Dim>& grid_;
  const Storage& storage_;
  bool dual_;
  const LowerStarTable<Dim>& table_;
  const Execution& execution_;

  Key key(const Value* values, Index i) const { return entry_key(values[i], images_.filtration); }

  /// The filtrations of the images with the given keys, computed side by side.
  template <class... KeyOfVoxel>
  std::array<std::unique_ptr<Filtered>, sizeof...(KeyOfVoxel)> filtered(const KeyOfVoxel&... key_of) const {
    constexpr int count = sizeof...(KeyOfVoxel);
    std::array<std::unique_ptr<Filtered>, count> images;
    auto inside = [this](Index i) { return images_.is_inside(i); };
    const Execution share{std::max(1, execution_.num_threads / count), execution_.stop};
    parallel_for(count, execution_, [&](Index wanted) {
      Index i = 0;
      ((i++ == wanted
            ? void(images[wanted] = std::make_unique<Filtered>(grid_, storage_, dual_, key_of, inside, table_, share))
            : void()),
       ...);
    });
    return images;
  }

  ImagePersistence<Dim, Key, Storage> image_persistence(const Filtered& image, const Filtered& both) const {
    const auto& domain = dual_ ? both.persistence : image.persistence;
    const auto& codomain = dual_ ? image.persistence : both.persistence;
    return {domain, codomain, execution_};
  }

  /// The dimension of the cells of the union with which images of classes die.
  int cell_dimension_in_union(const Classes& classes, int dimension) const {
    return classes.classes.cell_dimension(dimension) + (dual_ ? 0 : 1);
  }

  /// Calls on_image(dimension, class, cell, is_essential) for the classes with an image in the union that lives for a
  /// time, with the cell of the union with which it dies or, if it never does, is born.
  template <class OnImage>
  void for_each_image(const Classes& classes, const Value* values, const Filtered& image, const Filtered& both,
                      OnImage on_image) const {
    const auto images = image_persistence(image, both);
    const VoxelPairs<Dim, Key, Storage> in_both(both.persistence, dual_);
    for (int dimension = 0; dimension < Dim; ++dimension) {
      const int k = cell_dimension_in_union(classes, dimension);
      for (const auto& pair : images.pairs[classes.classes.cell_dimension(dimension)]) {
        const std::uint32_t own_cell = dual_ ? pair.death : pair.birth, cell = dual_ ? pair.birth : pair.death;
        const std::uint32_t number = classes.of_cell[dimension][own_cell];
        if (number != none &&
            images_.is_before(values[classes.list[number].birth], images_.in_union(in_both.voxel(k, cell))))
          on_image(dimension, number, cell, false);
      }
      for (const auto& pair : images.essential[classes.classes.essential_cell_dimension(dimension)]) {
        const std::uint32_t own_cell = dual_ ? pair.death : pair.birth, cell = dual_ ? pair.birth : pair.death;
        on_image(dimension, classes.of_essential_cell[dimension][own_cell], cell, true);
      }
    }
  }

  BettiMatching match(const Classes& predicted, const Classes& expected, ClassesInUnion& classes,
                      const Filtered& prediction, const Filtered& both) const {
    LargeVector<std::uint32_t> partner(predicted.list.size(), none);
    for_each_image(predicted, images_.prediction, prediction, both,
                   [&](int dimension, std::uint32_t number, std::uint32_t cell, bool is_essential) {
                     partner[number] = classes.of(is_essential)[dimension][cell];
                   });
    return {predicted.list, expected.list, std::move(partner)};
  }
};

template <int Dim, class Value, class Storage>
BettiMatching match(const ImagePair<Value>& images, const Grid<Dim>& grid, const Storage& storage, bool dual,
                    bool has_binary_target, const LowerStarTable<Dim>& table, const Execution& execution) {
  const Matching<Dim, Value, Storage> matching(images, grid, storage, dual, table, execution);
  return has_binary_target ? matching.with_binary_target() : matching.with_any_target();
}

} // namespace

template <int Dim, class Value>
BettiMatching betti_matching(const Value* prediction, const Value* target, const Shape<Dim>& shape,
                             Filtration filtration, Construction construction, double threshold, bool binary_shortcut,
                             const LowerStarTable<Dim>& table, const Execution& wanted) {
  const Grid<Dim> grid(shape);
  check_size(grid);
  const Execution execution = useful_threads(grid, wanted);
  const ImagePair<Value> images{prediction, target, filtration, threshold};
  const bool has_binary_target = binary_shortcut && images.has_binary_target(grid.image_size, execution);
  if (!has_binary_target)
    for (const Value* values : {prediction, target}) check_for_nan(values, grid.image_size, execution);
  const bool dual = construction == Construction::top_cells;
  if (threshold == std::numeric_limits<double>::infinity())
    return match<Dim>(images, grid, DenseStorage(grid), dual, has_binary_target, table, execution);
  const PagedStorage storage(grid, dual, [&](Index i) { return images.is_inside(i); }, execution);
  return match<Dim>(images, grid, storage, dual, has_binary_target, table, execution);
}

template BettiMatching betti_matching<2, float>(const float*, const float*, const Shape<2>&, Filtration, Construction,
                                                double, bool, const LowerStarTable<2>&, const Execution&);
template BettiMatching betti_matching<2, double>(const double*, const double*, const Shape<2>&, Filtration,
                                                 Construction, double, bool, const LowerStarTable<2>&,
                                                 const Execution&);
template BettiMatching betti_matching<3, float>(const float*, const float*, const Shape<3>&, Filtration, Construction,
                                                double, bool, const LowerStarTable<3>&, const Execution&);
template BettiMatching betti_matching<3, double>(const double*, const double*, const Shape<3>&, Filtration,
                                                 Construction, double, bool, const LowerStarTable<3>&,
                                                 const Execution&);

} // namespace segtopo
