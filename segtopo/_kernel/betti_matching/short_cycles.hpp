#pragma once

#include "common/large_memory.hpp"
#include "common/parallel.hpp"
#include "cubical/extremum_persistence.hpp"
#include "cubical/ordered_cells.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace segtopo {

/// The graph of extrema and the saddles between them. It finds cycles of few saddles, because the cycle is a column of
/// a matrix that should be sparse.
template <class Flow> class ShortCycles {
  using Extremum = std::uint32_t; ///< its number among the extrema: unlike by age, neighbours are close in memory

public:
  /// `order` has the numbers of the saddles, from the first to the last.
  ShortCycles(const Flow& flow, const Cells& extrema, const CellNumbers& eldest_first, const Cells& saddles,
              const CellNumbers& order, const Execution& execution)
      : flow_(flow), saddles_(saddles), order_(order), rank_(saddles.size()), ends_(saddles.size()),
        first_neighbour_(extrema.size() + 1) {
    const auto by_age = Basins(flow, extrema, eldest_first, execution).path_ends(saddles, [](Index) { return true; });
    for (std::uint32_t rank = 0; rank < order.size(); ++rank) {
      rank_[order[rank]] = rank;
      for (int side = 0; side < 2; ++side) {
        const Extremum end = ends_[rank][side] = eldest_first[by_age[order[rank]][side] - 1];
        ++first_neighbour_[end + 1];
      }
    }
    for (std::size_t i = 1; i < first_neighbour_.size(); ++i) first_neighbour_[i] += first_neighbour_[i - 1];
    neighbours_.resize(first_neighbour_.back());
    std::vector<std::size_t> next(first_neighbour_.begin(), first_neighbour_.end() - 1);
    for (std::uint32_t rank = 0; rank < order.size(); ++rank)
      for (int side = 0; side < 2; ++side) neighbours_[next[ends_[rank][side]]++] = {ends_[rank][1 - side], rank};
  }

  /// A search for cycles, one at a time. Each thread has its own.
  class Search {
  public:
    explicit Search(const ShortCycles& graph) : graph_(graph), reached_(graph.first_neighbour_.size() - 1) {}

    /// Calls on_cell for the cells of a cycle whose last saddle is the given one: its saddles and the paired cells on
    /// their gradient paths. A cell on two paths is visited twice. The saddle must close a cycle with earlier saddles.
    template <class OnCell> void close_cycle(std::uint32_t saddle, OnCell on_cell) {
      const std::uint32_t rank = graph_.rank_[saddle];
      graph_.follow_paths(rank, on_cell);
      const auto& ends = graph_.ends_[rank];
      if (ends[0] == ends[1]) return;
      ++search_;
      for (int side = 0; side < 2; ++side) {
        frontier_[side].assign(1, ends[side]);
        reached_[ends[side]][side] = {search_, ends[side], 0};
      }
      const Extremum meeting = meet(rank);
      for (int side = 0; side < 2; ++side)
        for (Extremum at = meeting; at != ends[side]; at = reached_[at][side].from)
          graph_.follow_paths(reached_[at][side].rank, on_cell);
    }

  private:
    /// The step by which a search has reached an extremum.
    struct Step {
      std::uint32_t search = 0;
      Extremum from;
      std::uint32_t rank; ///< of the saddle
    };

    const ShortCycles& graph_;
    std::vector<std::array<Step, 2>> reached_;      ///< by extremum, then by side of the saddle
    std::array<std::vector<Extremum>, 2> frontier_; ///< by side: the extrema reached last
    std::vector<Extremum> next_;
    std::uint32_t search_ = 0;

    /// Goes on from both sides over saddles of lower rank. Returns the extremum at which the two searches meet.
    Extremum meet(std::uint32_t rank) {
      while (true) {
        const int side = frontier_[0].size() <= frontier_[1].size() ? 0 : 1;
        next_.clear();
        for (const Extremum extremum : frontier_[side])
          for (std::size_t i = graph_.first_neighbour_[extremum]; i < graph_.first_neighbour_[extremum + 1]; ++i) {
            const Neighbour& neighbour = graph_.neighbours_[i];
            if (neighbour.rank >= rank) break; // the neighbours have the order of their saddles
            auto& steps = reached_[neighbour.extremum];
            if (steps[side].search == search_) continue;
            steps[side] = {search_, extremum, neighbour.rank};
            if (steps[1 - side].search == search_) return neighbour.extremum;
            next_.push_back(neighbour.extremum);
          }
        frontier_[side].swap(next_);
      }
    }
  };

private:
  struct Neighbour {
    Extremum extremum;
    std::uint32_t rank; ///< of the saddle
  };

  const Flow flow_;
  const Cells& saddles_;
  const CellNumbers& order_;
  std::vector<std::uint32_t> rank_;           ///< by saddle: its position in the order
  std::vector<std::array<Extremum, 2>> ends_; ///< by rank
  std::vector<std::size_t> first_neighbour_;  ///< by extremum
  std::vector<Neighbour> neighbours_;

  template <class OnCell> void follow_paths(std::uint32_t rank, OnCell on_cell) const {
    const Cell& saddle = saddles_[order_[rank]];
    on_cell(saddle);
    for (Index site : flow_.sides(saddle))
      for (; !flow_.is_extremum(site); site = flow_.next(site)) on_cell(flow_.paired_cell(site));
  }
};

} // namespace segtopo
