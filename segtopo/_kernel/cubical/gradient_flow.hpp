#pragma once

#include "cubical/lower_star_gradient.hpp"

#include <array>

namespace segtopo {

// A flow follows the gradient paths that end in extrema. A site is a cell of the paths, named by a voxel: for
// descending paths a vertex, for ascending paths a top cell, named by its corner of smallest index.

/// The gradient paths from a vertex down to a minimum. A step leads from the vertex through its paired edge to the
/// other vertex of the edge.
template <int Dim, class Key, class Storage> class DescendingFlow {
public:
  static constexpr Index outside = -1;

  explicit DescendingFlow(const LowerStarGradient<Dim, Key, Storage>& gradient)
      : gradient_(gradient), grid_(gradient.image.grid) {}

  Index slot_count() const { return gradient_.image.storage.size(); }
  Index slot(Index site) const { return gradient_.image.storage.slot(site); }
  Index site(const Cell& minimum) const { return minimum.voxel; }

  /// The voxel with which a site enters the filtration.
  Index voxel(Index site) const { return site; }

  /// The two vertices of an edge.
  std::array<Index, 2> sides(const Cell& edge) const { return {edge.voxel, edge.voxel + grid_.step[edge.code]}; }

  bool is_outside(Index voxel) const { return gradient_.image.is_outside(voxel); }

  bool is_extremum(Index voxel) const { return gradient_.partner({voxel, 0}) == 0; }

  /// The edge that is paired with a vertex inside that is no minimum.
  Cell paired_cell(Index voxel) const { return {voxel, gradient_.partner({voxel, 0})}; }

  /// The next site of the path, from a site that is no minimum.
  Index next(Index voxel) const { return is_outside(voxel) ? outside : voxel + grid_.step[paired_cell(voxel).code]; }

private:
  const LowerStarGradient<Dim, Key, Storage>& gradient_;
  const Grid<Dim>& grid_;
};

/// The gradient paths from a top cell up to a maximum. A step leads from the top cell through its paired facet to the
/// other coface of the facet. In the dual complex these are descending paths.
template <int Dim, class Key, class Storage> class AscendingFlow {
public:
  static constexpr Index outside = -1;

  explicit AscendingFlow(const LowerStarGradient<Dim, Key, Storage>& gradient)
      : gradient_(gradient), grid_(gradient.image.grid) {
    for (int facet = cells.first[Dim - 1]; facet < cells.first[Dim]; ++facet) {
      int axis = 0;
      while (cells.face[facet][axis] >= 0) ++axis;
      for (int side = 0; side < 2; ++side)
        steps_to_sides_[facet][side] = grid_.step_to_lowest_corner[cells.coface[facet][axis][side]];
    }
  }

  Index slot_count() const { return gradient_.image.storage.size(); }
  Index slot(Index site) const { return gradient_.image.storage.slot(site); }
  Index site(const Cell& maximum) const { return maximum.voxel + grid_.step_to_lowest_corner[maximum.code]; }

  /// The voxel with which a site enters the filtration.
  Index voxel(Index corner) const { return gradient_.image.top_cell(corner).voxel; }

  /// The two top cells on both sides of a facet.
  std::array<Index, 2> sides(const Cell& facet) const {
    const auto& steps = steps_to_sides_[facet.code];
    return {facet.voxel + steps[0], facet.voxel + steps[1]};
  }

  bool is_outside(Index corner) const { return gradient_.image.is_outside(gradient_.image.top_cell(corner).voxel); }

  bool is_extremum(Index corner) const {
    const Cell top = gradient_.image.top_cell(corner);
    return gradient_.partner(top) == top.code;
  }

  /// The facet that is paired with a top cell inside that is no maximum.
  Cell paired_cell(Index corner) const {
    const Cell top = gradient_.image.top_cell(corner);
    return {top.voxel, gradient_.partner(top)};
  }

  /// The next site of the path, from a site that is no maximum.
  Index next(Index corner) const {
    const Cell facet = paired_cell(corner);
    if (gradient_.image.is_outside(facet.voxel)) return outside;
    const auto [below, above] = sides(facet);
    return below == corner ? above : below;
  }

private:
  static constexpr const StarCells<Dim>& cells = star_cells<Dim>;

  const LowerStarGradient<Dim, Key, Storage>& gradient_;
  const Grid<Dim>& grid_;
  std::array<std::array<Index, 2>, cells.count> steps_to_sides_{}; ///< by the code of the facet
};

} // namespace segtopo
