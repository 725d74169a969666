#include "cubical_persistence.hpp"

#include "extremum_persistence.hpp"
#include "loop_persistence.hpp"
#include "lower_star_gradient.hpp"
#include "radix_sort.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <limits>
#include <ranges>
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
  /// Numbers of critical cells, of dimension k and k + 1.
  struct Pair {
    std::uint32_t birth, death;
  };
  std::array<LargeVector<Pair>, Dim> pairs; ///< by dimension
  Index survivor = -1; ///< the voxel of the one class that never dies: a component (V), or the image as a whole (T)

  VertexPersistence(const LowerStarGradient<Dim, Key>& gradient, const Execution& execution)
      : gradient_(gradient), execution_(execution) {
    pairs[0].reserve(cells(0).size());
    pairs[Dim - 1].reserve(cells(Dim).size());
    parallel_for(Dim + 1, execution, [this](Index k) { sort_critical_cells(static_cast<int>(k)); });
    pair_minima();
    pair_maxima();
    if constexpr (Dim == 3)
      pair_loops(gradient_, loop_edges_, filling_squares_, execution,
                 [this](std::uint32_t edge, std::uint32_t square) { pairs[1].push_back({edge, square}); });
  }

private:
  const LowerStarGradient<Dim, Key>& gradient_;
  const Execution& execution_;
  std::array<CellNumbers, Dim + 1> order_;   ///< the critical cells of each dimension
  CellNumbers loop_edges_, filling_squares_; ///< the critical cells that close and fill a loop (3D)

  const Cells& cells(int k) const { return gradient_.critical_cells(k); }

  void sort_critical_cells(int k) {
    LargeVector<Keyed<Key>> keyed(cells(k).size());
    for (std::size_t i = 0; i < keyed.size(); ++i)
      keyed[i] = {gradient_.image.key(cells(k)[i].voxel), static_cast<std::uint32_t>(i)};
    radix_sort(keyed);
    order_[k].resize(keyed.size());
    std::ranges::transform(keyed, order_[k].begin(), &Keyed<Key>::number);
  }

  void pair_minima() {
    const auto ends = path_ends(
        DescendingFlow<Dim, Key>(gradient_), cells(0), order_[0], cells(1), [](Index) { return true; }, execution_);
    loop_edges_.reserve(cells(1).size());
    pair_extrema(
        cells(0).size(), ends, order_[1], execution_,
        [this](Age age, std::uint32_t edge) { pairs[0].push_back({order_[0][age - 1], edge}); },
        [this](std::uint32_t edge) { loop_edges_.push_back(edge); },
        [this](Age age) { survivor = cells(0)[order_[0][age - 1]].voxel; });
  }

  /// In 2D, an edge that has ended a component ends no loop.
  void pair_maxima() {
    const CellNumbers& facets = Dim == 2 ? loop_edges_ : order_[Dim - 1];
    std::vector<bool> is_wanted(cells(Dim - 1).size(), Dim == 3);
    for (const std::uint32_t facet : facets) is_wanted[facet] = true;

    const CellNumbers eldest_first(order_[Dim].rbegin(), order_[Dim].rend());
    const auto ends = path_ends(
        AscendingFlow<Dim, Key>(gradient_), cells(Dim), eldest_first, cells(Dim - 1),
        [&](Index facet) { return is_wanted[facet]; }, execution_);
    pair_extrema(
        cells(Dim).size(), ends, std::views::reverse(facets), execution_,
        [&](Age age, std::uint32_t facet) { pairs[Dim - 1].push_back({facet, eldest_first[age - 1]}); },
        [this](std::uint32_t facet) { filling_squares_.push_back(facet); },
        [&](Age age) { survivor = cells(Dim)[eldest_first[age - 1]].voxel; });
    std::ranges::reverse(filling_squares_);
  }
};

/// Turns pairs of critical cells into pairs of voxels of the image.
template <int Dim, class Value> class VoxelPairs {
public:
  using Key = KeyOf<Value>;

  VoxelPairs(const Value* values, const LowerStarGradient<Dim, Key>& gradient, bool dual, Value min_persistence,
             const Execution& execution)
      : values_(values), gradient_(gradient), image_(gradient.image), dual_(dual), min_persistence_(min_persistence),
        execution_(execution) {}

  LargeVector<VoxelPair> operator()(const VertexPersistence<Dim, Key>& persistence) const {
    // By duality the class of the whole image is the component that never dies.
    LargeVector<VoxelPair> result{{0, image_index(persistence.survivor), VoxelPair::never}};
    for (int dimension = 0; dimension < Dim; ++dimension) {
      const int k = dual_ ? Dim - 1 - dimension : dimension;
      append(persistence.pairs[k], k, static_cast<std::uint32_t>(dimension), result);
    }
    return result;
  }

private:
  using CellPairs = LargeVector<typename VertexPersistence<Dim, Key>::Pair>;
  static constexpr std::uint32_t dropped = ~std::uint32_t{0}; ///< the dimension of a pair that is too short

  const Value* values_;
  const LowerStarGradient<Dim, Key>& gradient_;
  const OrderedImage<Dim, Key>& image_;
  bool dual_;
  Value min_persistence_;
  const Execution& execution_;

  void append(const CellPairs& cell_pairs, int k, std::uint32_t dimension, LargeVector<VoxelPair>& result) const {
    const auto first = std::ssize(result);
    result.resize(first + cell_pairs.size());
    const auto ranges = split(std::ssize(cell_pairs), 1024, execution_);
    parallel_for(std::ssize(ranges), execution_, [&](Index task) {
      for (Index i = ranges[task].begin; i < ranges[task].end; ++i) {
        const Index birth = gradient_.critical_cells(k)[cell_pairs[i].birth].voxel;
        const Index death = gradient_.critical_cells(k + 1)[cell_pairs[i].death].voxel;
        VoxelPair& pair = result[first + i];
        pair = {dimension, image_index(dual_ ? death : birth), image_index(dual_ ? birth : death)};
        if (image_.key(birth) == image_.key(death) || !is_long(pair)) pair.dimension = dropped;
      }
    });
    std::erase_if(result, [](const VoxelPair& pair) { return pair.dimension == dropped; });
  }

  std::uint32_t image_index(Index voxel) const { return static_cast<std::uint32_t>(image_.image_index(voxel)); }

  bool is_long(const VoxelPair& pair) const {
    return min_persistence_ == 0 || std::abs(values_[pair.birth] - values_[pair.death]) > min_persistence_;
  }
};

} // namespace

template <int Dim, class Value>
LargeVector<VoxelPair> cubical_persistence(const Value* values, const Shape<Dim>& shape, Filtration filtration,
                                           Construction construction, Value min_persistence,
                                           const LowerStarTable<Dim>& table, const Execution& wanted) {
  using Key = KeyOf<Value>;
  constexpr Index least_voxels_per_thread = 1 << 15; // for fewer, starting a thread takes longer than it saves
  const Grid<Dim> grid(shape);
  if (grid.padded_size >= std::numeric_limits<std::uint32_t>::max() - 1)
    throw std::length_error("images of up to 2^32 voxels, with one more on every side, are supported");
  const Index useful_threads = 1 + grid.image_size / least_voxels_per_thread;
  const Execution execution{static_cast<int>(std::min<Index>(wanted.num_threads, useful_threads)), wanted.stop};
  const OrderedImage<Dim, Key> image(values, shape, voxel_order(filtration, construction), execution);
  const LowerStarGradient<Dim, Key> gradient(image, table, execution);
  const VoxelPairs<Dim, Value> voxel_pairs(values, gradient, construction == Construction::top_cells, min_persistence,
                                           execution);
  return voxel_pairs(VertexPersistence<Dim, Key>(gradient, execution));
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
