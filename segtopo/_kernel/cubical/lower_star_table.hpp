#pragma once

#include "cubical/star_cells.hpp"

#include <array>
#include <cstdint>
#include <vector>

namespace segtopo {

/// A table with an acyclic matching for every possible lower star.
///
/// A lower star is one of 104 sets of cells in 2D, one of 15,935 in 3D. All its cells have the same value, so an
/// acyclic matching cancels only pairs of zero persistence (Forman 1998; Robins, Wood, Sheppard 2011). So the matching
/// depends on the set alone, and can be looked up. It is optimal: it has as few critical cells as the homology of the
/// lower link allows.
///
/// The cells of one lower star are ordered by the matching: pair after pair, each cell after its faces. Critical cells
/// of one dimension are in the order of their codes.
template <int Dim> class LowerStarTable {
public:
  static constexpr int absent = 255;
  using Id = std::uint16_t;

  LowerStarTable();

  /// The number of a lower star, given as bits: bit c stands for the cell of code c. The bit of the voxel is ignored.
  Id id_of(std::uint32_t star) const {
    const std::uint32_t skeleton = star >> 1 & (skeleton_size - 1);
    const std::uint32_t top = star >> cells.first[Dim];
    const Branch& branch = branches_[skeleton];
    return static_cast<Id>(branch.base + rank_[branch.possible_top << top_count | top]);
  }

  /// The code of the cell that is paired with cell c in lower star `id`; c itself if c is critical; `absent` if the
  /// lower star does not contain c.
  int partner(Id id, int c) const { return partners_[id][c]; }

  /// The position of cell c in the order of lower star `id`.
  int position(Id id, int c) const { return positions_[id][c]; }

  /// The critical cells of lower star `id`, as bits.
  std::uint32_t critical(Id id) const { return critical_[id]; }

private:
  static constexpr const StarCells<Dim>& cells = star_cells<Dim>;
  static constexpr int top_count = 1 << Dim;
  static constexpr std::uint32_t skeleton_size = std::uint32_t{1} << (StarCells<Dim>::count - 1 - top_count);

  struct Branch {
    std::uint16_t base;         ///< the number of the first lower star with this skeleton
    std::uint16_t possible_top; ///< the top cells whose facets are all in the skeleton
  };
  using ByCode = std::array<std::uint8_t, Dim == 2 ? 16 : 32>;

  void match(std::uint32_t star);

  std::vector<Branch> branches_;   ///< by skeleton, the set of all cells but the voxel and the top cells
  std::vector<std::uint8_t> rank_; ///< the rank of a set of top cells among the subsets of the possible top cells
  std::vector<ByCode> partners_;
  std::vector<ByCode> positions_;
  std::vector<std::uint32_t> critical_;
};

extern template class LowerStarTable<2>;
extern template class LowerStarTable<3>;

} // namespace segtopo
