#pragma once

#include "common/large_memory.hpp"
#include "common/parallel.hpp"
#include "cubical/extremum_persistence.hpp"
#include "cubical/ordered_cells.hpp"

#include <cstdint>
#include <vector>

namespace segtopo {

/// The graph of extrema and the saddles that join them: a forest. Each further saddle closes a cycle with it.
template <class Flow> class SpanningForest {
public:
  /// `joining` and `closing` are numbers in `saddles`: the saddles of the forest, and the saddles for `close_cycle`.
  SpanningForest(const Flow& flow, const Cells& extrema, const CellNumbers& eldest_first, const Cells& saddles,
                 const CellNumbers& joining, const CellNumbers& closing, const Execution& execution)
      : flow_(flow), saddles_(saddles), ends_(find_ends(extrema, eldest_first, joining, closing, execution)),
        parent_(extrema.size() + 1), neighbours_(extrema.size() + 1) {
    for (const std::uint32_t saddle : joining)
      for (int side = 0; side < 2; ++side)
        neighbours_[ends_[saddle][side]].push_back({ends_[saddle][1 - side], saddle});
    for (Age root = 0; root < parent_.size(); ++root)
      if (parent_[root].depth == 0) grow_tree(root);
  }

  /// Calls on_cell for the cells of the cycle that a saddle closes: its saddles and the paired cells on their gradient
  /// paths. A cell on two paths is visited twice.
  template <class OnCell> void close_cycle(std::uint32_t saddle, OnCell on_cell) const {
    follow_paths(saddle, on_cell);
    auto [a, b] = ends_[saddle];
    while (a != b) {
      Age& deeper = parent_[a].depth >= parent_[b].depth ? a : b;
      follow_paths(parent_[deeper].saddle, on_cell);
      deeper = parent_[deeper].extremum;
    }
  }

private:
  /// The step from an extremum to its parent in the tree.
  struct Parent {
    Age extremum;
    std::uint32_t saddle;
    std::uint32_t depth = 0; ///< 1 at the root; 0: not in a tree yet
  };
  struct Neighbour {
    Age extremum;
    std::uint32_t saddle;
  };

  const Flow flow_;
  const Cells& saddles_;
  LargeVector<PathEnds> ends_;
  std::vector<Parent> parent_; ///< by extremum
  std::vector<std::vector<Neighbour>> neighbours_;

  LargeVector<PathEnds> find_ends(const Cells& extrema, const CellNumbers& eldest_first, const CellNumbers& joining,
                                  const CellNumbers& closing, const Execution& execution) const {
    std::vector<bool> is_wanted(saddles_.size(), false);
    for (const CellNumbers* numbers : {&joining, &closing})
      for (const std::uint32_t saddle : *numbers) is_wanted[saddle] = true;
    return Basins(flow_, extrema, eldest_first, execution).path_ends(saddles_, [&](Index i) { return is_wanted[i]; });
  }

  void grow_tree(Age root) {
    parent_[root] = {root, 0, 1};
    for (std::vector<Age> reached{root}; !reached.empty();) {
      const Age extremum = reached.back();
      reached.pop_back();
      for (const Neighbour& neighbour : neighbours_[extremum]) {
        if (parent_[neighbour.extremum].depth != 0) continue;
        parent_[neighbour.extremum] = {extremum, neighbour.saddle, parent_[extremum].depth + 1};
        reached.push_back(neighbour.extremum);
      }
    }
  }

  template <class OnCell> void follow_paths(std::uint32_t saddle, OnCell on_cell) const {
    on_cell(saddles_[saddle]);
    for (Index site : flow_.sides(saddles_[saddle]))
      for (; site != Flow::outside && !flow_.is_outside(site) && !flow_.is_extremum(site); site = flow_.next(site))
        on_cell(flow_.paired_cell(site));
  }
};

} // namespace segtopo
