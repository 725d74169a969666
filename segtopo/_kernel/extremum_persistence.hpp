#pragma once

#include "large_memory.hpp"
#include "lower_star_gradient.hpp"
#include "union_find.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <iterator>
#include <vector>

namespace segtopo {

/// Gradient paths from a voxel down to a minimum: voxel, its paired edge, the edge's other vertex, and so on.
template <int Dim, class Key, class Storage> class DescendingFlow {
public:
  static constexpr Index outside = -1;

  explicit DescendingFlow(const LowerStarGradient<Dim, Key, Storage>& gradient)
      : gradient_(gradient), grid_(gradient.image.grid) {}

  Index slot_count() const { return gradient_.image.storage.size(); }
  Index slot(Index site) const { return gradient_.image.storage.slot(site); }
  Index site(const Cell& minimum) const { return minimum.voxel; }

  /// The sites on both sides of an edge.
  std::array<Index, 2> sides(const Cell& edge) const { return {edge.voxel, edge.voxel + grid_.step[edge.code]}; }

  bool is_outside(Index voxel) const { return gradient_.image.is_outside(voxel); }

  bool ends_at(Index voxel) const { return gradient_.partner({voxel, 0}) == 0; }

  /// The edge through which a path leaves a site that is inside and not critical.
  Cell way_out(Index voxel) const { return {voxel, gradient_.partner({voxel, 0})}; }

  /// One step from a site that is not critical.
  Index next(Index voxel) const { return is_outside(voxel) ? outside : voxel + grid_.step[way_out(voxel).code]; }

private:
  const LowerStarGradient<Dim, Key, Storage>& gradient_;
  const Grid<Dim>& grid_;
};

/// Gradient paths from a top cell up to a critical one, the same as paths down in the dual complex: top cell,
/// its paired facet, the facet's other coface, and so on. A top cell's site is its corner of smallest index.
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

  /// The sites on both sides of a facet.
  std::array<Index, 2> sides(const Cell& facet) const {
    const auto& steps = steps_to_sides_[facet.code];
    return {facet.voxel + steps[0], facet.voxel + steps[1]};
  }

  bool is_outside(Index corner) const { return gradient_.image.is_outside(gradient_.image.top_cell(corner).voxel); }

  bool ends_at(Index corner) const {
    const Cell top = gradient_.image.top_cell(corner);
    return gradient_.partner(top) == top.code;
  }

  /// The facet through which a path leaves a site that is inside and not critical.
  Cell way_out(Index corner) const {
    const Cell top = gradient_.image.top_cell(corner);
    return {top.voxel, gradient_.partner(top)};
  }

  Index next(Index corner) const {
    const Cell facet = way_out(corner);
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

/// Extrema are numbered by age from 1, the eldest first; 0 is the outside of the image, elder than any.
using Age = UnionFind::Node;

/// The extrema in which the gradient paths on both sides of a saddle end.
using PathEnds = std::array<Age, 2>;

/// The basins of extrema: for every site, the extremum in which its gradient path ends.
///
/// Paths that meet go on together, so every site remembers where its path ends. Threads that find the same end
/// write the same number.
template <class Flow> class Basins {
public:
  Basins(const Flow& flow, const Cells& extrema, const CellNumbers& eldest_first, const Execution& execution)
      : flow_(flow), execution_(execution), known_(flow.slot_count()) {
    const auto ranges = split(std::ssize(extrema), 64, execution);
    parallel_for(std::ssize(ranges), execution, [&](Index task) {
      for (Index i = ranges[task].begin; i < ranges[task].end; ++i)
        known_[flow.slot(flow.site(extrema[eldest_first[i]]))] = static_cast<Age>(i + 2);
    });
  }

  /// The extremum in whose basin a site lies. `path` is working space.
  Age operator()(Index site, std::vector<Index>& path) {
    Age end = 1;
    path.clear();
    for (; site != Flow::outside; site = flow_.next(site)) {
      end = std::atomic_ref(known_[flow_.slot(site)]).load(std::memory_order_relaxed);
      if (end != 0) break;
      if (path.size() % 65536 == 0) execution_.throw_if_cancelled(); // across a plateau, paths are long
      path.push_back(site);
    }
    if (site == Flow::outside) end = 1;
    for (const Index passed : path) std::atomic_ref(known_[flow_.slot(passed)]).store(end, std::memory_order_relaxed);
    return end - 1;
  }

  /// Where the paths on both sides of saddles end: of those for which is_wanted(number) is true.
  template <class IsWanted> LargeVector<PathEnds> path_ends(const Cells& saddles, IsWanted is_wanted) {
    LargeVector<PathEnds> ends(saddles.size());
    const auto ranges = split(std::ssize(saddles), 64, execution_);
    parallel_for(std::ssize(ranges), execution_, [&](Index task) {
      std::vector<Index> path;
      for (Index i = ranges[task].begin; i < ranges[task].end; ++i) {
        if (!is_wanted(i)) continue;
        const auto [one, other] = flow_.sides(saddles[i]);
        ends[i] = {(*this)(one, path), (*this)(other, path)};
      }
    });
    return ends;
  }

private:
  const Flow flow_;
  const Execution& execution_;
  LargeArray<Age> known_; ///< by site, age + 1; 0 is unknown
};

/// Pairs extrema with saddles by the elder rule.
///
/// The saddles, as numbers, are visited in the order in which they join branches. Calls on_pair(age, saddle) when a
/// saddle ends the younger of two branches, on_cycle(saddle) when it joins a branch with itself, and
/// on_survivor(age) for branches that never end. Returns the branches.
template <class Saddles, class OnPair, class OnCycle, class OnSurvivor>
UnionFind pair_extrema(std::size_t extremum_count, const LargeVector<PathEnds>& ends, const Saddles& saddles,
                       const Execution& execution, OnPair on_pair, OnCycle on_cycle, OnSurvivor on_survivor) {
  UnionFind branches(extremum_count + 1);
  std::vector<bool> ended(extremum_count + 1, false);
  for (std::size_t visited = 0; const std::uint32_t saddle : saddles) {
    if (visited++ % 65536 == 0) execution.throw_if_cancelled();
    const Age a = branches.find(ends[saddle][0]), b = branches.find(ends[saddle][1]);
    if (a == b) {
      on_cycle(saddle);
      continue;
    }
    const Age elder = std::min(a, b), younger = std::max(a, b);
    branches.link(elder, younger);
    ended[younger] = true;
    on_pair(younger, saddle);
  }
  for (std::size_t age = 1; age <= extremum_count; ++age)
    if (!ended[age]) on_survivor(static_cast<Age>(age));
  return branches;
}

} // namespace segtopo
