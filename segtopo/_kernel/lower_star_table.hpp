#pragma once

#include "star_cells.hpp"

#include <array>
#include <cstdint>
#include <vector>

namespace segtopo {

/// An acyclic matching for every lower star that can occur.
///
/// The lower star of a voxel is one of 104 subcomplexes of the star in 2D, of 15,935 in 3D. All its cells
/// have the same value, so any acyclic matching cancels only pairs of zero persistence (Forman 1998; Robins,
/// Wood, Sheppard 2011), and the matching may be looked up instead of computed. It is optimal: what stays
/// critical is what the topology of the lower link demands.
///
/// Where the order of the cells of one lower star matters, it is the order in which the matching takes them: each pair
/// in succession, every cell after its faces. Critical cells of one dimension come in the order of their codes.
template <int Dim> class LowerStarTable {
public:
  static constexpr int absent = 255;
  using Id = std::uint16_t;

  LowerStarTable();

  /// The number of the lower star whose cells are the bits of `star` (bit c for code c; the voxel's own bit
  /// is ignored).
  Id id_of(std::uint32_t star) const {
    const std::uint32_t skeleton = star >> 1 & (skeleton_size - 1);
    const std::uint32_t top = star >> cells.first[Dim];
    const Branch& branch = branches_[skeleton];
    return static_cast<Id>(branch.base + rank_[branch.possible_top << top_count | top]);
  }

  /// The cell matched with cell c of lower star `id`: c itself if critical.
  int partner(Id id, int c) const { return partners_[id][c]; }

  /// The place of cell c in the order of lower star `id`.
  int place(Id id, int c) const { return places_[id][c]; }

  /// The critical cells of lower star `id`, as bits.
  std::uint32_t critical(Id id) const { return critical_[id]; }

private:
  static constexpr const StarCells<Dim>& cells = star_cells<Dim>;
  static constexpr int top_count = 1 << Dim;
  static constexpr std::uint32_t skeleton_size = std::uint32_t{1} << (StarCells<Dim>::count - 1 - top_count);

  struct Branch {
    std::uint16_t base;
    std::uint16_t possible_top; ///< the top cells whose facets are all in the skeleton
  };
  using ByCode = std::array<std::uint8_t, Dim == 2 ? 16 : 32>;

  void match(std::uint32_t star);

  std::vector<Branch> branches_;   ///< by skeleton: the cells of the star that are neither voxel nor top cell
  std::vector<std::uint8_t> rank_; ///< of a set of top cells among the subsets of the possible ones
  std::vector<ByCode> partners_;
  std::vector<ByCode> places_;
  std::vector<std::uint32_t> critical_;
};

extern template class LowerStarTable<2>;
extern template class LowerStarTable<3>;

} // namespace segtopo
