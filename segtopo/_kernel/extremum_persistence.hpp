#pragma once

#include "lower_star_gradient.hpp"
#include "union_find.hpp"

#include <cstdlib>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace segtopo {

/// Gradient paths from a voxel down to a minimum: voxel, its paired edge, the edge's other vertex, and so on.
template <int Dim, class Key> struct DescendingFlow {
  const LowerStarGradient<Dim, Key>& gradient;
  static constexpr Index outside = -1;

  Index site(const Cell& minimum) const { return minimum.voxel; }

  /// The sites on both sides of an edge.
  std::pair<Index, Index> sides(const Cell& edge) const {
    return {edge.voxel, edge.voxel + gradient.image.grid.step[edge.code]};
  }

  /// One step from a site that is not critical.
  Index next(Index voxel) const {
    if (gradient.image.is_outside(voxel)) return outside;
    return voxel + gradient.image.grid.step[gradient.partner({voxel, 0})];
  }
};

/// Gradient paths from a top cell up to a critical one, the same as paths down in the dual complex: top cell,
/// its paired facet, the facet's other coface, and so on. A top cell's site is its corner of smallest index.
template <int Dim, class Key> struct AscendingFlow {
  const LowerStarGradient<Dim, Key>& gradient;
  static constexpr Index outside = -1;
  static constexpr const StarCells<Dim>& cells = star_cells<Dim>;

  Index site(const Cell& maximum) const { return gradient.image.grid.lowest_corner(maximum); }

  std::pair<Index, Index> sides(const Cell& facet) const {
    int axis = 0;
    while (cells.face[facet.code][axis] >= 0) ++axis;
    return {site({facet.voxel, cells.coface[facet.code][axis][0]}),
            site({facet.voxel, cells.coface[facet.code][axis][1]})};
  }

  Index next(Index corner) const {
    constexpr int top_cell_above = StarCells<Dim>::count - 1; // the displacement (1, ..., 1)
    const Cell top = gradient.image.from_highest_vertex({corner, top_cell_above});
    if (gradient.image.is_outside(top.voxel)) return outside;
    const auto [below, above] = sides({top.voxel, gradient.partner(top)});
    return below == corner ? above : below;
  }
};

/// Pairs extrema with saddles by the elder rule.
///
/// The extrema are given eldest first, the saddles in the order in which they join sites. The outside of the
/// image is elder than any extremum. Calls on_pair(extremum, saddle) when a saddle ends the younger of two
/// branches, on_cycle(saddle) when it joins a branch with itself, and on_survivor(extremum) for branches that
/// never end.
template <class Flow, class OnPair, class OnCycle, class OnSurvivor>
void pair_extrema(const Flow& flow, Index padded_size, const std::vector<Cell>& extrema,
                  const std::vector<Cell>& saddles, OnPair on_pair, OnCycle on_cycle, OnSurvivor on_survivor) {
  using Node = UnionFind::Node;
  constexpr Node outside = 0; // extremum i is node i + 1

  // Where each site's path ends, as node + 1; 0 is unknown. Zero pages that no path touches cost no memory.
  const std::unique_ptr<Node[], decltype(&std::free)> ends(
      static_cast<Node*>(std::calloc(static_cast<std::size_t>(padded_size), sizeof(Node))), &std::free);
  if (!ends) throw std::bad_alloc();
  for (std::size_t i = 0; i < extrema.size(); ++i) ends[flow.site(extrema[i])] = static_cast<Node>(i + 2);

  std::vector<Index> path;
  auto end_of_path = [&](Index site) {
    path.clear();
    while (site != Flow::outside && ends[site] == 0) {
      path.push_back(site);
      site = flow.next(site);
    }
    const Node end = site == Flow::outside ? outside + 1 : ends[site];
    for (const Index passed : path) ends[passed] = end;
    return end - 1;
  };

  UnionFind branches(extrema.size() + 1);
  std::vector<bool> ended(extrema.size() + 1, false);
  for (const Cell& saddle : saddles) {
    const auto [one, other] = flow.sides(saddle);
    const Node a = branches.find(end_of_path(one)), b = branches.find(end_of_path(other));
    if (a == b) {
      on_cycle(saddle);
      continue;
    }
    const Node elder = std::min(a, b), younger = std::max(a, b);
    branches.link(elder, younger);
    ended[younger] = true;
    on_pair(extrema[younger - 1], saddle);
  }
  for (std::size_t i = 0; i < extrema.size(); ++i)
    if (!ended[i + 1]) on_survivor(extrema[i]);
}

} // namespace segtopo
