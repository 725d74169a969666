#include "cubical_persistence.hpp"

#include "column_reduction.hpp"
#include "extremum_persistence.hpp"
#include "lower_star_gradient.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <stdexcept>

namespace segtopo {

namespace {

/// The T-construction of f is dual to the V-construction of -f relative to a layer of voxels around the image
/// that enters first (Garin et al. 2020): the order of the voxels, ties included, is turned round.
VoxelOrder voxel_order(Filtration filtration, Construction construction) {
  const bool dual = construction == Construction::top_cells;
  return {.descending = (filtration == Filtration::superlevel) != dual,
          .last_index_first = dual,
          .surroundings = dual ? Surroundings::bottom : Surroundings::absent};
}

/// The persistence of the V-construction on an ordered image, one dimension after the other.
template <int Dim, class Key> class VertexPersistence {
public:
  struct Pair {
    Index birth, death; ///< voxels of the padded grid
  };
  std::array<std::vector<Pair>, Dim> pairs; ///< by dimension
  Index survivor = -1; ///< the voxel of the one class that never dies: a component (V), or the image as a whole (T)

  VertexPersistence(const LowerStarGradient<Dim, Key>& gradient, int num_threads)
      : gradient_(gradient), image_(gradient.image) {
    parallel_for(2, num_threads, [&](Index task) {
      if (task == 1) return pair_minima();
      pair_maxima();
      if constexpr (Dim == 3) pair_loops();
    });
  }

private:
  const LowerStarGradient<Dim, Key>& gradient_;
  const OrderedImage<Dim, Key>& image_;
  std::vector<Cell> filling_squares_; ///< critical squares that fill a loop, the last to enter first (3D)

  void record(int dimension, const Cell& birth, const Cell& death) {
    if (image_.key(birth.voxel) != image_.key(death.voxel)) pairs[dimension].push_back({birth.voxel, death.voxel});
  }

  /// The critical cells of dimension k in the order of the filtration.
  std::vector<Cell> sorted_critical_cells(int k) const {
    std::vector<Cell> sorted = gradient_.critical_cells(k);
    std::sort(sorted.begin(), sorted.end(), [this](const Cell& a, const Cell& b) {
      return a.voxel != b.voxel ? image_.lower(a.voxel, b.voxel) : a.code < b.code;
    });
    return sorted;
  }

  std::vector<Cell> reversed_critical_cells(int k) const {
    std::vector<Cell> sorted = sorted_critical_cells(k);
    std::reverse(sorted.begin(), sorted.end());
    return sorted;
  }

  void pair_minima() {
    pair_extrema(
        DescendingFlow<Dim, Key>{gradient_}, image_.grid.padded_size, sorted_critical_cells(0),
        sorted_critical_cells(1), [this](const Cell& minimum, const Cell& edge) { record(0, minimum, edge); },
        [](const Cell&) {}, [this](const Cell& minimum) { survivor = minimum.voxel; });
  }

  void pair_maxima() {
    pair_extrema(
        AscendingFlow<Dim, Key>{gradient_}, image_.grid.padded_size, reversed_critical_cells(Dim),
        reversed_critical_cells(Dim - 1),
        [this](const Cell& maximum, const Cell& facet) { record(Dim - 1, facet, maximum); },
        [this](const Cell& facet) {
          if constexpr (Dim == 3) filling_squares_.push_back(facet);
        },
        [this](const Cell& maximum) { survivor = maximum.voxel; });
  }

  /// A critical square that bounds no cavity fills a loop; reduction finds the edge that closed it.
  void pair_loops() {
    ColumnReduction<Key> columns(gradient_);
    for (auto square = filling_squares_.rbegin(); square != filling_squares_.rend(); ++square)
      record(1, columns.reduce(*square), *square);
  }
};

template <int Dim, class Key>
std::vector<VoxelPair> image_pairs(const VertexPersistence<Dim, Key>& vertex_persistence,
                                   const OrderedImage<Dim, Key>& image, Construction construction) {
  // By duality the class of the whole image is the component that never dies.
  std::vector<VoxelPair> result{{0, image.image_index(vertex_persistence.survivor), -1}};
  for (int dimension = 0; dimension < Dim; ++dimension) {
    const bool dual = construction == Construction::top_cells;
    for (const auto& [birth, death] : vertex_persistence.pairs[dual ? Dim - 1 - dimension : dimension]) {
      const Index born = image.image_index(birth), died = image.image_index(death);
      result.push_back(dual ? VoxelPair{dimension, died, born} : VoxelPair{dimension, born, died});
    }
  }
  return result;
}

} // namespace

template <int Dim, class Value>
std::vector<VoxelPair> cubical_persistence(const Value* values, const Shape<Dim>& shape, Filtration filtration,
                                           Construction construction, const LowerStarTable<Dim>& table,
                                           int num_threads) {
  using Key = KeyOf<Value>;
  if (Grid<Dim>(shape).padded_size >= std::numeric_limits<UnionFind::Node>::max() - 1)
    throw std::length_error("images of up to 2^32 voxels are supported");
  const OrderedImage<Dim, Key> image(values, shape, voxel_order(filtration, construction), num_threads);
  const LowerStarGradient<Dim, Key> gradient(image, table, num_threads);
  return image_pairs(VertexPersistence<Dim, Key>(gradient, num_threads), image, construction);
}

template std::vector<VoxelPair> cubical_persistence<2, float>(const float*, const Shape<2>&, Filtration, Construction,
                                                              const LowerStarTable<2>&, int);
template std::vector<VoxelPair> cubical_persistence<2, double>(const double*, const Shape<2>&, Filtration, Construction,
                                                               const LowerStarTable<2>&, int);
template std::vector<VoxelPair> cubical_persistence<3, float>(const float*, const Shape<3>&, Filtration, Construction,
                                                              const LowerStarTable<3>&, int);
template std::vector<VoxelPair> cubical_persistence<3, double>(const double*, const Shape<3>&, Filtration, Construction,
                                                               const LowerStarTable<3>&, int);

} // namespace segtopo
