#pragma once

#include "betti_matching/betti_matching.hpp"
#include "cubical/filtration.hpp"
#include "cubical/voxel_pair_view.hpp"

#include <array>
#include <cstdint>
#include <iterator>

namespace segtopo {

/// The number of a class for each critical cell of one dimension, or BettiMatching::none.
using ClassOfCell = LargeVector<std::uint32_t>;

/// The classes of an image, without pairs of zero persistence. In each dimension the essential classes come first.
template <int Dim, class Value, class Storage> struct ClassList {
  VoxelPairView<Dim, KeyOf<Value>, Storage> view;
  LargeVector<VoxelPair> pairs;
  std::array<ClassOfCell, Dim> of_cell; ///< by dimension: the class that a critical cell creates (or destroys)
  std::array<ClassOfCell, Dim> of_essential_cell; ///< by dimension: the essential class that a critical cell creates

  /// `by_death`: of_cell is indexed by the later critical cell of each pair, otherwise by the earlier.
  ClassList(const VertexPersistence<Dim, KeyOf<Value>, Storage>& persistence, bool dual, const Value* values,
            bool by_death)
      : view(persistence, dual) {
    for (int dimension = 0; dimension < Dim; ++dimension) {
      const int k = view.cell_dimension(dimension) + (by_death ? 1 : 0);
      of_cell[dimension].resize(persistence.cells(k).size(), BettiMatching::none);
      of_essential_cell[dimension].resize(persistence.cells(view.essential_cell_dimension(dimension)).size(),
                                          BettiMatching::none);
      add_essential_classes(dimension);
      add_pairs(dimension, values, by_death);
    }
  }

private:
  std::uint32_t add(const VoxelPair& pair) {
    pairs.push_back(pair);
    return static_cast<std::uint32_t>(pairs.size() - 1);
  }

  void add_essential_classes(int dimension) {
    const auto& essential = view.essential(dimension);
    for (Index i = 0; i < std::ssize(essential); ++i)
      of_essential_cell[dimension][essential[i]] = add(view.essential_pair(dimension, i));
  }

  void add_pairs(int dimension, const Value* values, bool by_death) {
    const auto& cell_pairs = view.pairs(dimension);
    for (Index i = 0; i < std::ssize(cell_pairs); ++i) {
      const VoxelPair pair = view.pair(dimension, i);
      if (values[pair.birth] == values[pair.death]) continue;
      of_cell[dimension][by_death ? cell_pairs[i].death : cell_pairs[i].birth] = add(pair);
    }
  }
};

} // namespace segtopo
