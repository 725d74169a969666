#include "betti_matching/betti_matching.hpp"

#include "betti_matching/class_list.hpp"
#include "betti_matching/image_persistence.hpp"
#include "betti_matching/voxel_orders.hpp"
#include "cubical/cubical_persistence.hpp"

#include <array>
#include <memory>
#include <utility>

namespace segtopo {

namespace {

/// An image with its gradient and its persistence.
template <int Dim, class Key, class Storage> struct FilteredImage {
  OrderedImage<Dim, Key, Storage> image;
  LowerStarGradient<Dim, Key, Storage> gradient;
  VertexPersistence<Dim, Key, Storage> persistence;

  template <class KeyOfVoxel, class IsInside>
  FilteredImage(const Grid<Dim>& grid, const Storage& storage, const OutsidePieces* pieces, bool dual,
                KeyOfVoxel key_of, IsInside is_inside, const LowerStarTable<Dim>& table, const Execution& execution)
      : image(grid, storage, dual, key_of, is_inside, execution), gradient(image, table, execution),
        persistence(gradient, pieces, execution) {}
};

/// Matches a prediction and a target through their union.
///
/// In the V-construction, the image of a class in the union is created by the cell that creates the class, and
/// destroyed by a cell of the union. In dual order, the filtration of the union is contained in those of the images,
/// and births and deaths are exchanged. In both cases the cell of the union identifies the image.
template <int Dim, class Value, class Storage, class IsInside> class Matching {
public:
  Matching(const PredictionAndTarget<Value>& images, const Grid<Dim>& grid, const Storage& storage,
           const OutsidePieces* pieces, IsInside is_inside, bool dual, const LowerStarTable<Dim>& table,
           const Execution& execution)
      : images_(images), grid_(grid), storage_(storage), pieces_(pieces), is_inside_(is_inside), dual_(dual),
        table_(table), execution_(execution) {}

  /// For a binary target and a prediction in [0, 1]: the filtration of the union is that of the target, with other
  /// values.
  BettiMatching with_binary_target() const {
    ImagePointer prediction_image, union_image;
    run_side_by_side(
        execution_,
        [&](const Execution& share) {
          prediction_image = filtered([this](Index i) { return images_.prediction_key(i); }, share);
        },
        [&](const Execution& share) {
          union_image = filtered([this](Index i) { return binary_target_key(images_, i); }, share);
        });
    const Classes prediction(prediction_image->persistence, dual_, images_.prediction, dual_);
    const Classes target(union_image->persistence, dual_, images_.target, !dual_);
    // A class of the target has no image if it has zero persistence with the values of the union.
    ClassesInUnion in_union{target.of_cell, target.of_essential_cell};
    for (ClassOfCell& classes : in_union.dying)
      for (std::uint32_t& number : classes)
        if (number != none && !images_.is_before(images_.target[target.pairs[number].birth],
                                                 images_.in_union(target.pairs[number].death)))
          number = none;
    return match(prediction, target, in_union, *prediction_image, *union_image);
  }

  BettiMatching with_any_target() const {
    auto prediction_key = [this](Index i) { return images_.prediction_key(i); };
    auto target_key = [this](Index i) { return images_.target_key(i); };
    auto union_key = [this](Index i) { return images_.union_key(i); };
    const auto target_order = lexicographic_positions<Key>(grid_.image_size, prediction_key, target_key);
    const auto union_order = lexicographic_positions<Key>(grid_.image_size, prediction_key, target_key, union_key);
    ImagePointer prediction_image, target_image, union_image;
    run_side_by_side(
        execution_, [&](const Execution& share) { prediction_image = filtered(prediction_key, share); },
        [&](const Execution& share) { target_image = filtered([&](Index i) { return target_order[i]; }, share); },
        [&](const Execution& share) { union_image = filtered([&](Index i) { return union_order[i]; }, share); });
    const Classes prediction(prediction_image->persistence, dual_, images_.prediction, dual_);
    const Classes target(target_image->persistence, dual_, images_.target, dual_);
    return match(prediction, target, classes_in_union(target, *target_image, *union_image), *prediction_image,
                 *union_image);
  }

private:
  using Key = KeyOf<Value>;
  using Image = FilteredImage<Dim, Key, Storage>;
  using ImagePointer = std::unique_ptr<const Image>;
  using Classes = ClassList<Dim, Value, Storage>;
  static constexpr std::uint32_t none = BettiMatching::none;

  /// The classes of the target, found by a critical cell of the union: the cell at which the image of the class dies
  /// or, for an essential class, the cell that creates the image.
  struct ClassesInUnion {
    std::array<ClassOfCell, Dim> dying, essential;

    std::array<ClassOfCell, Dim>& of(bool is_essential) { return is_essential ? essential : dying; }
  };

  const PredictionAndTarget<Value>& images_;
  const Grid<Dim>& grid_;
  const Storage& storage_;
  const OutsidePieces* pieces_;
  IsInside is_inside_;
  bool dual_;
  const LowerStarTable<Dim>& table_;
  const Execution& execution_;

  template <class KeyOfVoxel> ImagePointer filtered(KeyOfVoxel key_of, const Execution& execution) const {
    return std::make_unique<Image>(grid_, storage_, pieces_, dual_, key_of, is_inside_, table_, execution);
  }

  ImagePersistence<Dim, Key, Storage> image_persistence(const Image& image, const Image& union_image) const {
    const auto& domain = dual_ ? union_image.persistence : image.persistence;
    const auto& codomain = dual_ ? image.persistence : union_image.persistence;
    return {domain, codomain, execution_};
  }

  /// The dimension of the cells of the union at which images of classes die.
  int cell_dimension_in_union(const Classes& classes, int dimension) const {
    return classes.view.cell_dimension(dimension) + (dual_ ? 0 : 1);
  }

  /// Calls on_image(dimension, class, cell, is_essential) for each class whose image in the union has a positive
  /// persistence. `cell` is the cell of the union at which the image dies or, if it is essential, that creates it.
  template <class OnImage>
  void for_each_image(const Classes& classes, const Value* values, const Image& image, const Image& union_image,
                      OnImage on_image) const {
    const auto images = image_persistence(image, union_image);
    const VoxelPairView<Dim, Key, Storage> in_union(union_image.persistence, dual_);
    for (int dimension = 0; dimension < Dim; ++dimension) {
      const int k = cell_dimension_in_union(classes, dimension);
      for (const MixedPair& pair : images.pairs[classes.view.cell_dimension(dimension)]) {
        const auto [image_cell, union_cell] = image_and_union(pair);
        const std::uint32_t number = classes.of_cell[dimension][image_cell];
        if (number != none &&
            images_.is_before(values[classes.pairs[number].birth], images_.in_union(in_union.voxel(k, union_cell))))
          on_image(dimension, number, union_cell, false);
      }
      for (const MixedPair& pair : images.essential[classes.view.essential_cell_dimension(dimension)]) {
        const auto [image_cell, union_cell] = image_and_union(pair);
        on_image(dimension, classes.of_essential_cell[dimension][image_cell], union_cell, true);
      }
    }
  }

  /// The cell of the image and the cell of the union. In dual order, the union is the domain.
  std::pair<std::uint32_t, std::uint32_t> image_and_union(const MixedPair& pair) const {
    return dual_ ? std::pair(pair.in_codomain, pair.in_domain) : std::pair(pair.in_domain, pair.in_codomain);
  }

  ClassesInUnion classes_in_union(const Classes& target, const Image& target_image, const Image& union_image) const {
    ClassesInUnion classes;
    for (int dimension = 0; dimension < Dim; ++dimension) {
      const auto& cells = union_image.persistence;
      classes.dying[dimension].resize(cells.cells(cell_dimension_in_union(target, dimension)).size(), none);
      classes.essential[dimension].resize(cells.cells(target.view.essential_cell_dimension(dimension)).size(), none);
    }
    for_each_image(target, images_.target, target_image, union_image,
                   [&](int dimension, std::uint32_t number, std::uint32_t cell, bool is_essential) {
                     classes.of(is_essential)[dimension][cell] = number;
                   });
    return classes;
  }

  BettiMatching match(const Classes& prediction, const Classes& target, ClassesInUnion in_union,
                      const Image& prediction_image, const Image& union_image) const {
    LargeVector<std::uint32_t> partner(prediction.pairs.size(), none);
    for_each_image(prediction, images_.prediction, prediction_image, union_image,
                   [&](int dimension, std::uint32_t number, std::uint32_t cell, bool is_essential) {
                     partner[number] = in_union.of(is_essential)[dimension][cell];
                   });
    return {prediction.pairs, target.pairs, std::move(partner)};
  }
};

} // namespace

template <int Dim, class Value>
BettiMatching betti_matching(const Value* prediction, const Value* target, const Shape<Dim>& shape,
                             Filtration filtration, Construction construction, std::optional<double> threshold,
                             const LowerStarTable<Dim>& table, const Execution& wanted) {
  const Grid<Dim> grid(shape);
  check_size(grid);
  const Execution execution = useful_threads(grid, wanted);
  const PredictionAndTarget<Value> images{prediction, target, filtration};
  const bool is_binary = has_binary_target(images, grid.image_size, execution);
  if (!is_binary)
    for (const Value* values : {prediction, target}) check_for_nan(values, grid.image_size, execution);
  const bool dual = construction == Construction::top_cells;
  auto match = [&](const auto& storage, const OutsidePieces* pieces, auto is_inside) {
    const Matching matching(images, grid, storage, pieces, is_inside, dual, table, execution);
    return is_binary ? matching.with_binary_target() : matching.with_any_target();
  };
  if (!threshold) return match(DenseStorage(grid), nullptr, Everywhere());
  auto is_inside = [&images, last = *threshold](Index i) {
    const double value = images.in_union(i);
    return (images.filtration == Filtration::superlevel ? 1 - value : value) <= last;
  };
  return with_storage(grid, dual, is_inside, execution, [&](const auto& storage) {
    const OutsidePieces pieces(grid, storage, dual, is_inside);
    return match(storage, &pieces, is_inside);
  });
}

#define SEGTOPO_INSTANTIATE(Dim, Value)                                                                                \
  template BettiMatching betti_matching<Dim, Value>(const Value*, const Value*, const Shape<Dim>&, Filtration,         \
                                                    Construction, std::optional<double>, const LowerStarTable<Dim>&,   \
                                                    const Execution&)
SEGTOPO_INSTANTIATE(2, float);
SEGTOPO_INSTANTIATE(2, double);
SEGTOPO_INSTANTIATE(3, float);
SEGTOPO_INSTANTIATE(3, double);

} // namespace segtopo
